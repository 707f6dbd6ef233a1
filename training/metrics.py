"""Numbers that say how good a model is. All in float64 numpy."""

import numpy as np
from numpy.typing import NDArray

EXACT = 4096
OVERSAMPLING, POWER_ITERATIONS = 16, 6


def frechet_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features (Dowson and Landau, 1982; Heusel et al., 2017).

    first, second: float64 [N, D] and [M, D], at least two rows each. Never negative. Where covariances are A'A and B'B,
    the trace of the square root of their product is the sum of the singular values of AB': exact where covariances are
    singular, real, and quick where there are fewer rows than numbers in each.
    """
    for features in (first, second):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError("frechet_distance needs two matrices of features with at least two rows each")
    (first_mean, a), (second_mean, b) = map(_mean_and_root, (first, second))
    gap, shared = first_mean - second_mean, np.linalg.svdvals(a @ b.T)
    return max(float(gap @ gap + np.square(a).sum() + np.square(b).sum() - 2 * shared.sum()), 0.0)


def _mean_and_root(features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean [D], and a matrix A [min(N, D), D] such that A'A is the covariance."""
    mean: NDArray[np.float64] = features.mean(0, dtype=np.float64)
    centred: NDArray[np.float64] = (features - mean) / (len(features) - 1) ** 0.5
    root: NDArray[np.float64] = np.linalg.qr(centred, mode="r")  # type: ignore[assignment]  # the stubs know one mode
    return mean, root


def kernel_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Unbiased squared maximum mean discrepancy under the kernel (x·y / D + 1)^3, and its standard error.

    What Bińkowski et al. (2018) compute on Inception features and call KID; here it goes by the features' own name.
    first, second: float64 [N, D] and [M, D], at least three rows each. Its expectation is the same for any N and M,
    which a Fréchet distance's is not; so it may come out below zero. The error is the two-sample jackknife's.
    """
    for features in (first, second):
        if features.ndim != 2 or len(features) < 3:
            raise ValueError("kernel_distance needs two matrices of features with at least three rows each")

    def kernel(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = (rows @ columns.T / rows.shape[1] + 1) ** 3
        return values

    across = kernel(first, second)
    # Per row: its kernel values within its own set without itself, and with the other set.
    sides = [(kernel(first, first), across), (kernel(second, second), across.T)]
    rows = [(own.sum(1) - np.diagonal(own), other.sum(1)) for own, other in sides]
    counts = (len(first), len(second))
    inner = [own.sum() / (count * (count - 1)) for (own, _), count in zip(rows, counts, strict=True)]
    variance = 0.0
    for (own, other), count, rest in zip(rows, counts, inner[::-1], strict=True):
        elsewhere = across.size / count
        left_out = (own.sum() - 2 * own) / ((count - 1) * (count - 2)) + rest
        left_out = left_out - 2 * (across.sum() - other) / ((count - 1) * elsewhere)
        variance += (count - 1) * left_out.var()
    return float(sum(inner) - 2 * across.mean()), float(np.sqrt(variance))


def psnr(images: NDArray[np.uint8], references: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB of uint8 [N, ...] images, averaged over images; capped at 100 for equal ones."""
    error = (images.astype(np.float64) - references.astype(np.float64)).reshape(len(images), -1)
    mse = (error**2).mean(axis=1)
    return float(np.minimum(10 * np.log10(255.0**2 / np.maximum(mse, 1e-12)), 100.0).mean())


def ssim(images: NDArray[np.uint8], references: NDArray[np.uint8]) -> float:
    """Structural similarity of uint8 [N, H, W, C], averaged over pixels, channels and images: 1 where they are equal.

    Wang et al. (2004) with their window, a Gaussian of 1.5 pixels over 11 x 11, where it lies inside the picture.
    """
    weights = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    weights /= weights.sum()

    def blurred(planes: NDArray[np.float64]) -> NDArray[np.float64]:
        for axis in (0, 1):
            windows = np.lib.stride_tricks.sliding_window_view(planes, 11, axis=axis)
            planes = windows @ weights
        return planes

    found = []
    for image, reference in zip(images.astype(np.float64), references.astype(np.float64), strict=True):
        mean, other = blurred(image), blurred(reference)
        variance = blurred(image**2) - mean**2
        other_variance = blurred(reference**2) - other**2
        covariance = blurred(image * reference) - mean * other
        small, smaller = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        likeness = (2 * mean * other + small) * (2 * covariance + smaller)
        found.append((likeness / ((mean**2 + other**2 + small) * (variance + other_variance + smaller))).mean())
    return float(np.mean(found))


def pca_reconstruction(train: NDArray[np.uint8], images: NDArray[np.uint8], components: int) -> NDArray[np.uint8]:
    """Images uint8 [N, ...] rebuilt from `components` principal components of `train`: the best linear autoencoder."""
    mean, basis, _ = _principal_components(train, components)
    return _as_pixels((images.reshape(len(images), -1) - mean) @ basis @ basis.T + mean, images.shape)


def pca_samples(train: NDArray[np.uint8], components: int, count: int) -> NDArray[np.uint8]:
    """Images uint8 [count, ...] of a Gaussian with the mean of `train` and its deviations along `components` principal
    components, always the same ones: what a linear generator makes of as many numbers of noise.
    """
    mean, basis, deviation = _principal_components(train, components)
    noise = np.random.RandomState(0).standard_normal((count, len(deviation)))
    return _as_pixels((noise * deviation) @ basis.T + mean, (count, *train.shape[1:]))


def _principal_components(
    train: NDArray[np.uint8], components: int
) -> tuple[NDArray[np.float32], NDArray[np.floating], NDArray[np.floating]]:
    """Mean [D] of the flattened images, their principal components [D, K], the standard deviation along each [K].

    Up to EXACT numbers a picture the components are exact. Beyond, where the covariance would take gigabytes, they are
    found by power iteration on a random subspace (Halko, Martinsson and Tropp, 2011), always the same one.
    """
    flat = train.reshape(len(train), -1).astype(np.float32)
    mean = flat.mean(axis=0)
    flat -= mean
    if flat.shape[1] <= EXACT:
        _, vectors = np.linalg.eigh((flat.T @ flat).astype(np.float64))
        basis = vectors[:, -components:]
    else:
        wanted = min(components + OVERSAMPLING, *flat.shape)
        basis = np.random.RandomState(0).standard_normal((flat.shape[1], wanted)).astype(np.float32)
        for _ in range(POWER_ITERATIONS):
            basis, _ = np.linalg.qr(flat.T @ (flat @ basis))
        _, turn = np.linalg.eigh(np.cov((flat @ basis).astype(np.float64), rowvar=False))
        basis = basis @ turn[:, -components:]
    return mean, basis, (flat @ basis).std(axis=0)


def _as_pixels(flat: NDArray[np.floating], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = flat.round().clip(0, 255).astype(np.uint8).reshape(shape)
    return pixels


def precision_recall(real: NDArray[np.float64], fake: NDArray[np.float64], neighbours: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkäänniemi et al., 2019) of features float64 [N, D] and [M, D].

    Precision: share of fakes within the `neighbours`-th neighbour radius of a real one; recall: the reverse.
    """

    def covered(points: NDArray[np.float64], manifold: NDArray[np.float64]) -> float:
        within = _squared_distances(manifold, manifold)
        radii = np.partition(within, neighbours, axis=1)[:, neighbours]  # column 0 is the point itself
        return float((_squared_distances(points, manifold) <= radii).any(axis=1).mean())

    return covered(fake, real), covered(real, fake)


def _squared_distances(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    distances = (rows**2).sum(1)[:, None] + (columns**2).sum(1) - 2 * rows @ columns.T
    nonnegative: NDArray[np.float64] = np.maximum(distances, 0.0)
    return nonnegative

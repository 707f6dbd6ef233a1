"""Numbers that say how good a model is. All in float64 numpy."""

import numpy as np
from numpy.typing import NDArray


def frechet_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Fréchet distance between Gaussians fitted to two sets of features (Dowson and Landau, 1982; Heusel et al., 2017).

    first, second: float64 [N, D], at least two rows each. Never negative. The trace of the matrix square root of
    AB comes from the eigenvalues of the symmetric A^(1/2) B A^(1/2): exact where covariances are singular, and real.
    """
    for features in (first, second):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError("frechet_distance needs two matrices of features with at least two rows each")
    mean_gap = first.mean(0) - second.mean(0)
    first_covariance = np.atleast_2d(np.cov(first.astype(np.float64), rowvar=False))
    second_covariance = np.atleast_2d(np.cov(second.astype(np.float64), rowvar=False))
    values, vectors = np.linalg.eigh(first_covariance)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    shared = np.linalg.eigvalsh(root @ second_covariance @ root)
    distance = (
        mean_gap @ mean_gap
        + np.trace(first_covariance)
        + np.trace(second_covariance)
        - 2 * np.sqrt(shared.clip(min=0)).sum()
    )
    return max(float(distance), 0.0)


def psnr(images: NDArray[np.uint8], references: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB of uint8 [N, ...] images, averaged over images; capped at 100 for equal ones."""
    error = (images.astype(np.float64) - references.astype(np.float64)).reshape(len(images), -1)
    mse = (error**2).mean(axis=1)
    return float(np.minimum(10 * np.log10(255.0**2 / np.maximum(mse, 1e-12)), 100.0).mean())


def pca_reconstruction(train: NDArray[np.uint8], images: NDArray[np.uint8], components: int) -> NDArray[np.uint8]:
    """Images uint8 [N, ...] rebuilt from `components` principal components of `train`: the best linear autoencoder."""
    flat = train.reshape(len(train), -1).astype(np.float32)
    mean = flat.mean(axis=0)
    flat -= mean
    _, vectors = np.linalg.eigh((flat.T @ flat).astype(np.float64))
    basis = vectors[:, -components:]
    rebuilt = (images.reshape(len(images), -1) - mean) @ basis @ basis.T + mean
    pixels: NDArray[np.uint8] = rebuilt.round().clip(0, 255).astype(np.uint8).reshape(images.shape)
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

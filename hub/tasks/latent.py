"""The latent space of a ``sample`` model: walks, traversals, arithmetic, and the map of a plane.

A *point* is a seed or a latent. A seed stands for the first picture that ``sample`` makes of it; a latent comes from
``encode``, or from anywhere else. Two seeds are walked between in noise space, where a learned prior is simple and a
great circle keeps to the shell that noise lives on; everything else happens between latents.
"""

import reprlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np

from hub.errors import RequestError
from hub.runtime.engine import Model
from hub.settings import settings
from hub.tasks.sample import MAX_SEED, SampleModel, is_number, is_whole, noise, whole

Point = int | Sequence[float] | np.ndarray
Path = Literal["slerp", "lerp"]
Label = int | str | None
Axis = int | str
"""A dimension by number, or an attribute direction of the bundle by name."""

MAX_SPAN = 10.0
LARGEST = 1e6
"""No latent of any model comes near it; far beyond it float32 would overflow inside the graph."""

DRAWN = 256
"""Latents drawn to learn where each dimension lies; they are not decoded."""
PROBED = 256
"""Pictures decoded, about, to learn which dimensions show: a fraction of a second for a small decoder, once."""
MOST_ACTIVE = 6
"""Dimensions that a traversal moves unless told which."""
BASES = 4
"""At most so many latents around which a dimension is moved."""


def lerp(start: np.ndarray, end: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The straight line from ``start`` [D] to ``end`` [D] at each of ``steps`` [N] in [0, 1], as float64 [N, D]."""
    at = np.asarray(steps, np.float64)[:, None]
    return (1 - at) * np.asarray(start, np.float64) + at * np.asarray(end, np.float64)


def slerp(start: np.ndarray, end: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The great circle from ``start`` [D] to ``end`` [D] at each of ``steps`` [N] in [0, 1], as float64 [N, D].

    Ken Shoemake, "Animating rotation with quaternion curves" (1985). Where there is no one great circle (a zero
    vector, the same or the opposite direction) it is the straight line.
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    lengths = np.linalg.norm(start) * np.linalg.norm(end)
    cosine = np.clip(start @ end / lengths, -1, 1) if lengths > 0 else 1.0
    angle, sine = np.arccos(cosine), np.sqrt(1 - cosine**2)
    if sine < 1e-4:
        return lerp(start, end, steps)
    at = np.asarray(steps, np.float64)[:, None]
    between: np.ndarray = (np.sin((1 - at) * angle) * start + np.sin(at * angle) * end) / sine
    return between


@dataclass(frozen=True)
class Spread:
    """Where the latents of a model lie, dimension by dimension, and what each does to the picture."""

    mean: np.ndarray
    """float64 [D]."""
    deviation: np.ndarray
    """The standard deviation, float64 [D], above 0."""
    activity: np.ndarray
    """Root mean square of the grey levels that change from one deviation below to one above, float64 [D]."""

    def ranked(self) -> list[int]:
        """All dimensions, the most active first."""
        return [int(each) for each in np.argsort(-self.activity, kind="stable")]


@dataclass(frozen=True)
class Traversal:
    """One row of pictures per dimension or direction."""

    dimensions: tuple[Axis, ...]
    offsets: np.ndarray
    """Where each column lies, float64 [S]: of a dimension in standard deviations from the mean; of a direction in
    whole ways from lacking the attribute to having it, counted from the start."""
    images: np.ndarray
    """uint8 [K, S, H, W, C]."""


class LatentSpace:
    """What can be done in the latent space of ``model``. ``label`` is for conditional models; ``None`` is the first."""

    def __init__(self, model: SampleModel) -> None:
        self.model = model
        self.dim = model.latent_dim
        self.conditional = model.conditional
        self._directions = {each.name: np.array(each.vector) for each in model.bundle.directions}

    def decode(self, z: np.ndarray | Sequence[object], label: Label = None) -> np.ndarray:
        """The pictures at ``z`` [N, D] or [D], all of one class, as uint8 [N, H, W, C] or [H, W, C].

        Raises:
            RequestError: a wrong shape, a NaN, more latents than one request may ask for, or an unknown label.
        """
        try:
            ready = np.asarray(z)
        except ValueError:
            raise RequestError("The latents have different lengths.") from None
        if ready.ndim == 2 and len(ready) > settings().max_count:
            raise RequestError(f"At most {settings().max_count} latents at once, not {len(ready)}.")
        if ready.dtype.kind in "iuf" and (np.abs(ready) > LARGEST).any():
            raise RequestError(f"A latent must lie within -{LARGEST:g} and {LARGEST:g}.")
        return self.model.decode(ready, self._class(label))

    def _class(self, label: Label) -> Label:
        return 0 if label is None and self.conditional else label

    def locate(self, point: Point, name: str = "The point") -> np.ndarray:
        """The latent of ``point``, float32 [D].

        Raises:
            RequestError: neither a seed nor a latent of this model.
        """
        if _is_vector(point):
            return self._vector(point, name)
        z: np.ndarray = self.model.latents(self._noise(point, name)[None])[0]
        return z

    def interpolate(
        self, start: Point, end: Point, count: int = 16, path: Path = "slerp", label: Label = None
    ) -> np.ndarray:
        """``count`` pictures on the way from ``start`` to ``end``, both included, uint8 [count, H, W, C].

        Args:
            start: a seed or a latent.
            end: a seed or a latent.
            count: 2 to the hub's limit (256 unless set).
            path: ``slerp``, the great circle, or ``lerp``, the straight line.
            label: the class of all pictures.

        Raises:
            RequestError: an argument is out of range, or of the wrong kind.
        """
        count = whole("The number of steps", count, 2, settings().max_count)
        if path not in get_args(Path):
            raise RequestError(f"The path must be slerp or lerp, not {reprlib.repr(path)}.")
        way, steps = slerp if path == "slerp" else lerp, np.linspace(0, 1, count)
        if _is_vector(start) or _is_vector(end):
            z = way(self.locate(start, "The start"), self.locate(end, "The end"), steps).astype(np.float32)
        else:
            between = way(self._noise(start, "The start"), self._noise(end, "The end"), steps)
            z = self.model.latents(between.astype(np.float32))
        return self.decode(z, label)

    def arithmetic(self, a: Point, b: Point, c: Point, label: Label = None) -> tuple[np.ndarray, np.ndarray]:
        """The latent A - B + C, float32 [D], and its picture, uint8 [H, W, C].

        Raises:
            RequestError: a point is neither a seed nor a latent of this model, or there is no such label.
        """
        z = self.locate(a, "A") - self.locate(b, "B") + self.locate(c, "C")
        return z, self.decode(z, label)

    def traverse(
        self,
        start: Point,
        dimensions: Sequence[Axis] | None = None,
        count: int = 9,
        span: float = 3.0,
        label: Label = None,
        at: Sequence[float] | None = None,
    ) -> Traversal:
        """Move one dimension, or go one attribute direction, at a time; all else stays as at ``start``.

        Args:
            start: a seed or a latent.
            dimensions: which, numbers from 0 or names of directions; ``None`` takes the most active dimensions.
            count: pictures in a row, from 2.
            span: how far to either side, above 0 to 10: of a dimension in standard deviations around the mean, of a
                direction in whole ways around the start.
            label: the class of all pictures.
            at: offsets of ``dimensions``, as :meth:`moved` takes them, at which each stays while others move.

        Raises:
            RequestError: an argument is out of range, or more pictures than one request may ask for.
        """
        z = self.locate(start, "The start")
        chosen = self._dimensions(dimensions)
        count = whole("The number of steps", count, 2, settings().max_count)
        if not is_number(span) or not 0 < span <= MAX_SPAN:
            raise RequestError(f"The span must be a number above 0, to {MAX_SPAN:g}, not {reprlib.repr(span)}.")
        if len(chosen) * count > settings().max_count:
            raise RequestError(
                f"{len(chosen)} rows of {count} pictures are more than the {settings().max_count} of one request."
            )
        offsets = np.linspace(-span, span, count)
        rows = np.empty((len(chosen), count, self.dim), np.float32)
        for index, (row, axis) in enumerate(zip(rows, chosen, strict=True)):
            others = [] if at is None else [*chosen[:index], *chosen[index + 1 :]]
            stay = [] if at is None else [*at[:index], *at[index + 1 :]]
            for column, offset in zip(row, offsets, strict=True):
                column[:] = self.moved(z, [*others, axis], [*stay, float(offset)])
        pictures = self.decode(rows.reshape(-1, self.dim), label)
        return Traversal(chosen, offsets, pictures.reshape(len(chosen), count, *pictures.shape[1:]))

    def offsets(self, z: np.ndarray, dimensions: Sequence[Axis]) -> list[float]:
        """Where ``z`` [D] lies in each of ``dimensions``, in standard deviations from the mean; 0 for directions."""
        return [0.0 if isinstance(each, str) else self._deviations(z, each) for each in dimensions]

    def _deviations(self, z: np.ndarray, dimension: int) -> float:
        spread = self.spread()
        return float((z[dimension] - spread.mean[dimension]) / spread.deviation[dimension])

    def moved(self, z: np.ndarray, dimensions: Sequence[Axis], offsets: Sequence[float]) -> np.ndarray:
        """``z`` [D] with dimensions put at their offsets, in standard deviations from the mean, and then moved along
        directions by theirs, in whole ways from lacking the attribute to having it, float32 [D].

        Raises:
            RequestError: an offset that is not a number, or beyond 10.
        """
        at, ways = np.array(z, np.float32), np.zeros(self.dim)
        for axis, offset in zip(dimensions, offsets, strict=True):
            if not is_number(offset) or not abs(offset) <= MAX_SPAN:
                name = f"'{axis}'" if isinstance(axis, str) else f"Dimension {axis}"
                raise RequestError(
                    f"{name} must be a number from -{MAX_SPAN:g} to {MAX_SPAN:g}, not {reprlib.repr(offset)}."
                )
            if isinstance(axis, str):
                ways += offset * self._directions[axis]
            else:
                spread = self.spread()
                at[axis] = spread.mean[axis] + offset * spread.deviation[axis]
        return (at + ways).astype(np.float32)

    def directions(self) -> list[Axis]:
        """The names of the attribute directions that came with the bundle."""
        return list(self._directions)

    def most_active(self) -> list[Axis]:
        """The dimensions that change the picture most, at most ``MOST_ACTIVE`` of them."""
        return list(self.spread().ranked()[:MOST_ACTIVE])

    def spread(self) -> Spread:
        """Where the latents lie and which dimensions show. Measured once a model, on latents of a fixed seed."""
        with _measuring:  # held throughout: two callers of a new model wait for one measurement
            if self.model.model not in _spreads:
                _spreads[self.model.model] = self._measured()
            return _spreads[self.model.model]

    def _measured(self) -> Spread:
        drawn = self.model.latents(noise(DRAWN, self.dim, 0))
        mean, deviation = drawn.mean(axis=0, dtype=np.float64), drawn.std(axis=0, dtype=np.float64)
        deviation = np.maximum(deviation, 1e-6)  # a prior may hold a dead dimension still
        bases = drawn[: min(BASES, max(1, PROBED // (2 * self.dim)))]
        probes = np.tile(bases, (self.dim, 2, 1, 1))  # dimension, below or above, base, latent
        for dimension, (below, above) in enumerate(probes):
            below[:, dimension] = mean[dimension] - deviation[dimension]
            above[:, dimension] = mean[dimension] + deviation[dimension]
        activity = np.empty(self.dim)
        for at in range(0, self.dim, 8):  # a few dimensions at once: the pictures of all of them may be gigabytes
            some = probes[at : at + 8]
            pictures = self.model.decode(some.reshape(-1, self.dim), self._class(None)).astype(np.float32)
            below, above = np.moveaxis(pictures.reshape(*some.shape[:3], -1), 1, 0)
            activity[at : at + 8] = np.sqrt(np.square(above - below).mean(axis=(1, 2)))
        return Spread(mean, deviation, activity)

    def map(self, side: int = 15, label: Label = None) -> np.ndarray:
        """The plane of a two-dimensional model: pictures at the prior's quantiles, uint8 [side, side, H, W, C].

        Columns go from the left of the first dimension to its right, rows from the top of the second down.

        Raises:
            RequestError: the model has not two dimensions, or ``side`` is out of range.
        """
        side = whole("The side of the map", side, 2, int(settings().max_count ** 0.5))
        middles = (np.arange(side) + 0.5) / side
        right, down = np.meshgrid(middles, middles)
        pictures = self.decode(self.quantile(right.ravel(), down.ravel()), label)
        return pictures.reshape(side, side, *pictures.shape[1:])

    def quantile(self, right: np.ndarray, down: np.ndarray) -> np.ndarray:
        """The latents at the shares ``right`` and ``down`` [N] of the map, within (0, 1), as float32 [N, 2].

        Raises:
            RequestError: the model has not two dimensions, or a share lies on an edge or beyond it.
        """
        if self.dim != 2:
            raise RequestError(f"A map needs a model of 2 latent dimensions; this one has {self.dim}.")
        shares = np.stack([right, 1 - np.asarray(down)], axis=-1)
        if not ((shares > 0) & (shares < 1)).all():
            raise RequestError("A place on the map must lie between its edges.")
        deviates = np.vectorize(NormalDist().inv_cdf)(shares)
        return self.model.latents(deviates.astype(np.float32))

    def _noise(self, seed: object, name: str) -> np.ndarray:
        if not is_whole(seed) or not 0 <= seed <= MAX_SEED:
            raise RequestError(
                f"{name} must be a seed, a whole number from 0 to {MAX_SEED}, "
                f"or a latent of {self.dim} numbers, not {reprlib.repr(seed)}."
            )
        vector: np.ndarray = noise(1, self.dim, int(seed))[0]
        return vector

    def _vector(self, values: Point, name: str) -> np.ndarray:
        try:
            vector = np.asarray(values)
        except ValueError:
            vector = np.array("rows of different lengths")
        if vector.shape != (self.dim,) or vector.dtype.kind not in "iuf":
            raise RequestError(f"{name} needs {self.dim} numbers as its latent, not {reprlib.repr(values)}.")
        if not (np.abs(vector) <= LARGEST).all():  # also refuses NaN
            raise RequestError(f"{name} holds a value that is not a number, or beyond {LARGEST:g}.")
        return vector.astype(np.float32)

    def _dimensions(self, wanted: Sequence[Axis] | None) -> tuple[Axis, ...]:
        if wanted is None:
            return tuple(self.most_active())
        if not _is_vector(wanted) or not len(wanted) or len(set(map(repr, wanted))) < len(wanted):
            raise RequestError(
                f"The dimensions must be a list of different numbers or directions, not {reprlib.repr(wanted)}."
            )
        return tuple(map(self._axis, wanted))

    def _axis(self, wanted: Axis) -> Axis:
        if isinstance(wanted, str) and wanted in self._directions:
            return wanted
        if isinstance(wanted, str):
            known = ", ".join(self._directions) or "none"
            raise RequestError(
                f"There is no direction or dimension {reprlib.repr(wanted)}: this model's directions are {known}, "
                f"its dimensions the numbers 0 to {self.dim - 1}."
            )
        return whole("A dimension", wanted, 0, self.dim - 1)


def _is_vector(point: object) -> bool:
    return isinstance(point, list | tuple | np.ndarray)


_spreads: WeakKeyDictionary[Model, Spread] = WeakKeyDictionary()
_measuring = threading.Lock()

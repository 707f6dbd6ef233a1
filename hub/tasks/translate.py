"""Translating: one picture in, another of the same size out.

A model of one size takes pictures of that size. One of any size (``image.dynamic``) takes all: what is no multiple of
its steps is continued by reflection and cut off again, and what is large goes through in tiles.

A tile is given as much of the picture around it as the model looks (the bundle's ``reach``), so each of its pixels is
the one that the whole picture would have given. Tiles need no blending: where two meet there is no seam to hide, and a
blend could only mix in pixels that saw less. Memory is that of one tile, and of the picture itself. Where a model finds
out something of a picture as a whole (the graph ``meter``), that is read from all of it first, and each tile is told.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hub import images as pictures
from hub.errors import RequestError
from hub.runtime import feeds
from hub.runtime.engine import Model
from hub.settings import settings
from hub.signatures import UNKNOWN_LEVEL
from hub.tasks.sample import batched

METERED = 512
"""Pixels a side that are enough for a meter: squares evenly apart, so that it sees all of a picture as it is stored."""

Progress = Callable[[float], object]
"""Told the share that is done, 0 to 1."""

WHOLE = 4_000_000
"""Pixels of the largest picture for a model whose every pixel depends on all others: it cannot be done in parts."""


@dataclass(frozen=True)
class Part:
    """Along one axis: what the model is given, what of its answer is kept, and where that belongs."""

    given: slice
    kept: slice
    place: slice


class TranslateModel:
    """A model of the task ``translate``. Images are uint8 [H, W, C], or [N, H, W, C] for a batch."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.bundle = model.bundle
        self.two_way = "inverse" in self.bundle.graphs
        self.has_meter = "meter" in self.bundle.graphs
        self.looks_locally = self.bundle.image.dynamic and self.bundle.reach is not None
        """Whether a pixel depends on its neighbourhood alone: then a picture of any size is as good as another."""

    def translate(
        self,
        images: np.ndarray,
        inverse: bool = False,
        progress: Progress | None = None,
        level: float | np.ndarray | None = None,
    ) -> np.ndarray:
        """What ``images`` become, of the same shape.

        Args:
            images: uint8 [H, W, C] or [N, H, W, C], with the model's channels; of its size, or of any where it is
                dynamic.
            inverse: the other way round, for models of both directions.
            progress: told the share that is done, after each part.
            level: for models that can be told (``bundle.told``): how much of what they restore is in the pictures, in
                their unit; one number, or a map float [H, W] or [N, H, W, 1]. Below 0 it is not known; unless given,
                nothing is.

        Raises:
            RequestError: another shape or type, ``inverse`` of a model with one direction, a ``level`` for a model
                that takes none, or a picture that is too large for a model that cannot do parts.
        """
        if inverse and not self.two_way:
            raise RequestError(f"'{self.bundle.id}' has one direction only: it has no inverse.")
        graph = "inverse" if inverse else "translator"
        batch, single = batched("image", images, rank=4)
        batch = feeds.as_port(self.bundle.graphs[graph].inputs[0], batch)
        told = self._told(graph, batch, level)
        translated = self._through(graph, batch, told, (lambda share: None) if progress is None else progress)
        return translated[0] if single else translated

    def read_level(self, images: np.ndarray) -> np.ndarray:
        """What a model with a meter finds out of ``images``, uint8 [N, H, W, C]: levels float32 [N].

        Raises:
            RequestError: it has none, or another shape or type.
        """
        if not self.has_meter:
            raise RequestError(f"'{self.bundle.id}' has no meter that says how much there is to restore.")
        batch = feeds.as_port(self.bundle.graphs["meter"].inputs[0], batched("image", images, rank=4)[0])
        step = self.bundle.image.multiple
        given = _sparse(_continued(batch, step), step) if self.bundle.image.dynamic else batch
        return np.concatenate([self.model.run("meter", {"image": each[None]})["level"] for each in given])

    def _takes_level(self, graph: str) -> bool:
        return any(port.name == "level" for port in self.bundle.graphs[graph].inputs)

    def require_told(self, graph: str = "translator") -> None:
        """Raise RequestError where the model takes no level."""
        if not self._takes_level(graph):
            raise RequestError(f"'{self.bundle.id}' cannot be told how much there is to restore: it takes no level.")

    def _told(self, graph: str, batch: np.ndarray, level: float | np.ndarray | None) -> np.ndarray | None:
        """``level`` for a batch [N, H, W, C] as float32 [N, H, W, 1], or [1, 1, 1, 1] where it is the same everywhere;
        ``None`` where the graph takes none.
        """
        if level is not None:
            self.require_told(graph)
        if not self._takes_level(graph):
            return None
        try:
            given = np.asarray(UNKNOWN_LEVEL if level is None else level, np.float32)
        except (TypeError, ValueError):
            raise RequestError(f"The level must be a number or a map of numbers, not {level!r:.40}.") from None
        wanted = (*batch.shape[:3], 1)
        if given.size == 1:
            return given.reshape(1, 1, 1, 1)
        if given.shape not in (wanted, wanted[1:3]):
            raise RequestError(f"A map of levels is as large as its pictures, {list(wanted)}, not {list(given.shape)}.")
        return np.broadcast_to(given if given.ndim == 4 else given[..., None], wanted)

    def fitted(self, picture: Image.Image, own_size: bool = True, ground: int | None = None) -> np.ndarray:
        """``picture`` as this model takes it, uint8 [H, W, C].

        Args:
            picture: from ``hub.images.read``.
            own_size: leave it as large as it is, where the model takes any size; else it is fitted to the size that
                the model was trained on.
            ground: the grey level behind the model's training pictures (``hub.images.plain_ground``), or ``None``.
        """
        spec = self.bundle.image
        if spec.dynamic and own_size:
            spec = spec.model_copy(update={"height": picture.height, "width": picture.width})
        return pictures.fit(picture, spec, "keep", ground)

    def _through(self, graph: str, images: np.ndarray, level: np.ndarray | None, progress: Progress) -> np.ndarray:
        count, height, width, _ = images.shape
        step = self.bundle.image.multiple if self.bundle.image.dynamic else 1
        padded = _continued(images, step)
        rows, columns = self._parts(*padded.shape[1:3])
        if level is not None and self.has_meter and len(rows) * len(columns) > 1 and (level < 0).any():
            level = np.where(level < 0, self.read_level(images)[:, None, None, None], level)
        if level is not None and level.shape[1:3] == (height, width):
            level = _continued(level, step)
        area = (rows[0].given.stop - rows[0].given.start) * (columns[0].given.stop - columns[0].given.start)
        at_once = max(1, settings().tile ** 2 // area)
        whole = np.empty_like(padded)
        runs = [(row, column, at) for row in rows for column in columns for at in range(0, count, at_once)]
        for done, (row, column, at) in enumerate(runs, start=1):
            some = slice(at, at + at_once)
            part = {"image": padded[some, row.given, column.given]}
            if level is not None:
                here = level if len(level) == 1 else level[some]
                here = here if here.shape[1:3] == (1, 1) else here[:, row.given, column.given]
                part["level"] = np.broadcast_to(here, (*part["image"].shape[:3], 1))
            answer = self.model.run(graph, part)["translated"]
            whole[some, row.place, column.place] = answer[:, row.kept, column.kept]
            progress(done / len(runs))
        return whole[:, :height, :width]

    def _parts(self, height: int, width: int) -> tuple[list[Part], list[Part]]:
        """How rows and columns are divided; sides are multiples of the model's steps."""
        step, reach = self.bundle.image.multiple, self.bundle.reach
        if self.bundle.image.dynamic and reach is not None:
            tile, margin = _up(settings().tile, step), _up(reach, step)
            rows, columns = (
                list(parts(length, even_side(length, tile, margin, step), margin)) for length in (height, width)
            )
            return rows, columns
        if self.bundle.image.dynamic and height * width > WHOLE:
            raise RequestError(
                f"'{self.bundle.id}' looks at the whole picture at once: give one of at most "
                f"{WHOLE // 10**6} megapixels, not {height * width / 1e6:.1f}."
            )
        return [_all_of(height)], [_all_of(width)]


def _continued(array: np.ndarray, step: int) -> np.ndarray:
    """[N, H, W, C] continued by reflection to whole steps."""
    return np.pad(array, ((0, 0), *((0, -side % step) for side in array.shape[1:3]), (0, 0)), mode="reflect")


def _sparse(images: np.ndarray, step: int) -> np.ndarray:
    """Of [N, H, W, C], whole steps each way, squares of one step evenly apart: of at most METERED pixels a side."""
    count, height, width, channels = images.shape
    down, across = (slice(apart // 2, None, apart) for apart in (math.ceil(side / METERED) for side in (height, width)))
    squares = images.reshape(count, height // step, step, width // step, step, channels)[:, down, :, across]
    return squares.reshape(count, squares.shape[1] * step, squares.shape[3] * step, channels)


def parts(length: int, side: int, margin: int) -> Iterator[Part]:
    """Divide ``length`` into parts of ``side`` that are given ``margin`` more on either side, as far as there is more.

    All parts are given the same length, so that a runtime prepares for one shape. Where all three arguments are
    multiples of a number, so is every start.
    """
    given = min(length, side + 2 * margin)
    if given == length:
        yield _all_of(length)
        return
    for at in range(0, length, side):
        end = min(at + side, length)
        start = min(max(at - margin, 0), length - given)
        yield Part(slice(start, start + given), slice(at - start, end - start), slice(at, end))


def even_side(length: int, side: int, margin: int, step: int) -> int:
    """The side, a multiple of ``step``, that divides ``length`` evenly into as many parts as ``side`` would. A sliver
    that is left over would be given as much of the picture as the others, and take as long.
    """
    if length <= side + 2 * margin:  # which a single part is given
        return side
    return _up(math.ceil(length / math.ceil(length / side)), step)


def _all_of(length: int) -> Part:
    return Part(slice(0, length), slice(0, length), slice(0, length))


def _up(length: int, step: int) -> int:
    return math.ceil(length / step) * step

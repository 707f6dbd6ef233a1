"""What the sections of the tab and its endpoints have in common: a picture through a model, and back where it can."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from hub import images
from hub.errors import BundleError, RequestError
from hub.runtime.engine import Engine
from hub.settings import settings
from hub.tasks import speak
from hub.tasks.cycle import Cycle, Gap, close_cycle, gap
from hub.tasks.pairs import ground, pairs
from hub.tasks.translate import Progress, TranslateModel

Size = Literal["auto", "own", "trained"]
SIZES: tuple[str, ...] = get_args(Size)

AT_ONCE = 2
"""Pictures in work at the same time: each may be large."""


@dataclass(frozen=True)
class Outcome:
    """Pictures uint8 [H, W, C] of one shape: as the model saw it, what it made, and what it should have made."""

    name: str
    seen: np.ndarray
    made: np.ndarray
    wanted: np.ndarray | None
    cycle: Cycle | None
    sides: tuple[str, str] | None = None
    """What went in and what came out, in the bundle's words."""

    @property
    def miss(self) -> Gap | None:
        """How far off the model is, where that is known."""
        return None if self.wanted is None else gap(self.made, self.wanted)

    def report(self) -> dict[str, Any]:
        """The numbers in JSON's own types."""
        height, width = self.made.shape[:2]
        return {"width": width, "height": height, "cycle": self.cycle.gap.report() if self.cycle else None}


def translator(engine: Engine, model: str) -> TranslateModel:
    """The translating model with the id ``model``.

    Raises:
        UnknownModelError: there is none.
        BundleError: it has another task, or mends pictures, for which there is a tab of its own.
    """
    found = speak(engine.model(model), TranslateModel)
    if found.bundle.restores is not None:
        raise BundleError(f"'{model}' restores pictures; it is for the tab Restore and the endpoint /restore.")
    return found


def is_inverse(model: TranslateModel, direction: object) -> bool:
    """What the switch of the page says, which may still be that of the model before."""
    return model.two_way and direction == "inverse"


def own_size(model: TranslateModel, size: object) -> bool:
    """Whether pictures go in as large as they are; ``auto`` is so for a model that looks at neighbourhoods alone.

    Raises:
        RequestError: ``size`` is none of auto, own and trained.
    """
    if size not in SIZES:
        raise RequestError(f"The size must be {', '.join(SIZES)}, not {size!r:.40}.")
    return model.looks_locally if size == "auto" else size == "own"


def seen(model: TranslateModel, picture: Image.Image, inverse: bool, size: object = "auto") -> np.ndarray:
    """``picture`` as the model sees it, uint8 [H, W, C]."""
    return model.fitted(picture, own_size(model, size), ground(pairs(model, inverse)))


def read(path: Path) -> Image.Image:
    """The picture in a file, if this hub takes one of its size.

    Raises:
        RequestError: no picture, a damaged one, or too large a one.
    """
    return images.read(path, settings().max_megapixels * 10**6)


def translate(
    model: TranslateModel,
    picture: np.ndarray,
    inverse: bool,
    progress: Progress = lambda share: None,
    name: str = "picture",
    wanted: np.ndarray | None = None,
) -> Outcome:
    """``picture`` (from :func:`seen`) through ``model``, and back again where it goes both ways."""
    ways = 2 if model.two_way else 1
    made = model.translate(picture, inverse, lambda share: progress(share / ways))
    cycle = None
    if model.two_way:
        cycle = close_cycle(model, picture, made, inverse, lambda share: progress((1 + share) / ways))
    if wanted is not None and wanted.shape != made.shape:
        wanted = None
    return Outcome(name, picture, made, wanted, cycle, sides(model, inverse))


def sides(model: TranslateModel, inverse: bool) -> tuple[str, str] | None:
    """What goes in and what comes out in this direction, where the bundle has words for it."""
    named = model.bundle.sides
    return (named[1], named[0]) if named and inverse else named


def stem(name: str) -> str:
    """The beginning of a download's name: that of the upload, as far as it is safe and short."""
    kept = "".join(each for each in Path(name).stem if each.isalnum() or each in "-_")[:60]
    return kept or "picture"

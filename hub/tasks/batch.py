"""Many pictures through a translating model, one after the other, into one ZIP. A bad one does not hold up the rest."""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hub import files, images
from hub.errors import HubError, RequestError
from hub.settings import settings
from hub.tasks.parcel import Item, safe_names
from hub.tasks.translate import Progress, TranslateModel

SHOWN = 100
"""Letters of a name that a sentence repeats."""

Fit = Callable[[Image.Image], np.ndarray]
"""A picture as the model takes it, uint8 [H, W, C]."""


@dataclass(frozen=True)
class Done:
    """What became of one file: a picture in the ZIP called ``file``, or a ``problem``."""

    name: str
    file: str = ""
    problem: str = ""

    def report(self) -> dict[str, Any]:
        """In JSON's own types; ``null`` for what there is not."""
        return {"name": self.name, "file": self.file or None, "problem": self.problem or None}


def translate_into(
    archive: Path, model: TranslateModel, items: Sequence[Item], fit: Fit, inverse: bool, progress: Progress
) -> list[Done]:
    """Write what becomes of ``items`` into the ZIP ``archive``; returns what became of each, in order.

    Args:
        archive: the file to write, which is not there yet; nor is it where this raises.
        model: through which they go.
        items: from :func:`hub.tasks.parcel.gather`.
        fit: how they are made what the model takes.
        inverse: the other way round.
        progress: told the share that is done.

    Raises:
        RequestError: nothing came of any of them, or the model has one direction only.
    """
    if inverse and not model.two_way:
        raise RequestError(f"'{model.bundle.id}' has one direction only: it has no inverse.")
    made: list[Done] = []
    left = 8 * settings().max_megapixels * 10**6
    try:
        with zipfile.ZipFile(archive, "x", zipfile.ZIP_STORED) as target:  # a PNG does not shrink further
            for number, (item, file) in enumerate(zip(items, safe_names(item.name for item in items), strict=True)):
                name = shown(item.name)
                try:
                    seen = fit(item.read())
                    if (left := left - seen.shape[0] * seen.shape[1]) < 0:
                        raise RequestError("The batch has too many pixels together; give this picture in another one.")
                    target.writestr(files.zip_entry(file), images.to_png(model.translate(seen, inverse)))
                    made.append(Done(name, file))
                except HubError as error:
                    made.append(Done(name, problem=str(error)))
                progress((number + 1) / len(items))
        if not any(done.file for done in made):
            others = f" The other {len(made) - 1} could not be taken either." if len(made) > 1 else ""
            raise RequestError(f"{made[0].name}: {made[0].problem}{others}")
    except BaseException:
        archive.unlink(missing_ok=True)
        raise
    return made


def shown(name: str) -> str:
    """``name`` as a sentence may repeat it: one line, and not too long."""
    plain = "".join(each if each.isprintable() else "?" for each in name)
    return plain if len(plain) <= SHOWN else f"{plain[: SHOWN // 2]}…{plain[-SHOWN // 2 :]}"

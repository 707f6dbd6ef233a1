"""The example pictures of a translating bundle, and what should become of each, where that is known.

A bundle keeps them in ``examples``, and the truths under the same names in ``targets``. The other way round it is the
truths that are given, and the examples that should become of them.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from hub import images
from hub.card import listed_file
from hub.tasks.translate import TranslateModel

MOST = 12
"""At most so many are offered."""
SHEET = "sheet.png"
"""Many pictures in one, for models that restore: not a picture to translate."""


class Pair(NamedTuple):
    """Two files of a bundle."""

    given: Path
    wanted: Path | None


def pairs(model: TranslateModel, inverse: bool = False) -> list[Pair]:
    """The examples of one direction: for ``inverse``, the targets with what they came from."""
    bundle, folder = model.bundle, model.model.folder
    listed = sorted(file.path for file in bundle.files)
    given, wanted = ("targets/", "examples/") if inverse else ("examples/", "targets/")
    names = [path.removeprefix(given) for path in listed if path.startswith(given) and path.endswith(".png")]
    found = []
    for name in [name for name in names if name != SHEET][:MOST]:
        if picture := listed_file(bundle, folder, given + name):
            found.append(Pair(picture, listed_file(bundle, folder, wanted + name)))
    return found


def ground(examples: list[Pair]) -> int | None:
    """The grey level of the plain ground that all examples share (:func:`hub.images.plain_ground`), or ``None``."""
    return images.plain_ground([_pixels(pair.given) for pair in examples])


def are_coloured(examples: list[Pair]) -> bool:
    """Whether any of the examples has colours; without examples there is no knowing, and it is taken for so."""
    return not examples or any(int(np.ptp(_pixels(pair.given), axis=2).max()) > images.PLAIN for pair in examples)


def _pixels(path: Path) -> np.ndarray:
    return np.asarray(images.read(path).convert("RGB"))

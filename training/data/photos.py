"""Photographs: 38 of Debian's wallpapers and 273 of a game's landscapes, in disjoint pieces of 256 px.

    genhub data build photos

Each photograph is halved, which hides what its JPEG file lost and its sensor added, and cut into pieces side by side,
at most PIECES of it, evenly spread. Pieces without detail (a clear sky) stay: photographs have them. The split is by
photograph: no piece of one in test or val is ever trained on. The landscapes have two pieces each and joined later;
none is in test, whose pictures are what they were before.

| source                                     | photographs | licence                            |
|--------------------------------------------|------------:|------------------------------------|
| Debian lomiri-wallpapers-16.04 and -20.04  |          15 | CC-BY-4.0, CC-BY-SA-3.0 and -4.0, CC0-1.0 |
| Debian mate-backgrounds                    |          12 | GPL-2.0-or-later                   |
| Debian plasma-workspace-wallpapers         |          11 | GPL-2.0-or-later                   |
| Debian endless-sky-high-dpi                |         273 | public domain, CC-BY-SA-3.0 and -4.0 |
"""

import hashlib
import io
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from PIL import Image

from training.data.dataset import DataInfo, write_parquet
from training.data.drawing import webp
from training.data.sources import Source, source_files
from training.errors import TrainingError

SIZE = 256
PIECES = 20
"""Pieces of one photograph at most: a large one is not worth more than others."""

TEST = {"life", "Kleiber", "Wine", "Dragonfly", "LadyBird", "EveningGlow", "Grey"}
VAL = {"aitzgorri", "Picture_0B", "friends", "ColorfulCups"}
"""Chosen by hand for different things at different distances, before anything was trained."""
VAL_SERIES = ("beach", "fog", "hills")
"""Of the landscapes: whole series, since pictures of one place are alike."""


@dataclass(frozen=True)
class Photograph:
    """One photograph in pieces."""

    name: str
    """Of its file or, where that is called by its size, of its folder; without its author."""
    pieces: list[Image.Image]

    @property
    def split(self) -> str:
        if self.name in TEST:
            return "test"
        return "val" if self.name in VAL or self.name.startswith(VAL_SERIES) else "train"


def build(sources: list[Source], path: Path) -> DataInfo:
    """Build the Parquet file at `path`. Raises TrainingError."""
    photographs = [
        Photograph(name_of(file), pieces(content))
        for source in sources
        for file, content in sorted(source_files(source).items())
    ]
    names = [photograph.name for photograph in photographs]
    if missing := (TEST | VAL) - set(names):
        raise TrainingError(f"The packages of photographs lack '{min(missing)}', which the split needs.")
    # A piece of each photograph in turn: the first pictures of a split show what there is in it.
    turns = zip_longest(*(photograph.pieces for photograph in photographs))
    rows = [(number, piece) for turn in turns for number, piece in enumerate(turn) if piece is not None]
    identity = hashlib.sha256()
    for number, piece in rows:
        identity.update(piece.tobytes() + f"{names[number]}{photographs[number].split}".encode())
    info = DataInfo(
        name="photos",
        title="Photographs",
        source=" and ".join(f"Debian package {source.package}" for source in sources),
        version=", ".join(source.version for source in sources),
        licence="CC-BY-SA-4.0",
        attribution="; ".join(dict.fromkeys(source.attribution for source in sources)),
        identity=identity.hexdigest()[:16],
        notes=[
            "Split by photograph: no piece of a held-out photograph was trained on.",
            "Each photograph has a licence of its own: CC-BY-4.0, CC-BY-SA-3.0 or -4.0, CC0-1.0, the public domain, or "
            "GPL-2.0-or-later for those of mate-backgrounds and plasma-workspace-wallpapers.",
        ],
        columns={"photograph": names},
    )
    write_parquet(
        path,
        info,
        [webp(piece) for _, piece in rows],
        [0] * len(rows),
        [photographs[number].split for number, _ in rows],
        {"photograph": [number for number, _ in rows]},
    )
    return info


def name_of(file: str) -> str:
    """`life_by_Somebody.jpg`, `life@2x.jpg` and `life/contents/images/2560x1600.jpg` are all `life`."""
    stem = file.partition("/")[0].rpartition(".")[0]
    return stem.partition("_by_")[0].partition("@")[0] or file.partition("/")[0]


def pieces(content: bytes) -> list[Image.Image]:
    """The pieces of a photograph's file, RGB, row by row. Raises TrainingError."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            photograph = image.convert("RGB")
    except (OSError, ValueError) as error:
        raise TrainingError(f"A photograph could not be read ({error}).") from error
    half = photograph.resize((photograph.width // 2, photograph.height // 2), Image.Resampling.BOX)
    columns, rows = half.width // SIZE, half.height // SIZE
    left, top = (half.width - columns * SIZE) // 2, (half.height - rows * SIZE) // 2
    boxes = [(left + column * SIZE, top + row * SIZE) for row in range(rows) for column in range(columns)]
    count = min(len(boxes), PIECES)
    chosen = [boxes[number * len(boxes) // count] for number in range(count)]
    return [half.crop((x, y, x + SIZE, y + SIZE)) for x, y in chosen]

"""Pairs of pictures of the same emoji, 128 px on white: what a translator is given, and what it should make of it.

    genhub data build openmoji

| data set      | source -> image                          | licence             | train | val | test |
|---------------|------------------------------------------|---------------------|------:|----:|-----:|
| `openmoji`    | OpenMoji's outline -> OpenMoji in colour | CC-BY-SA-4.0        | 1,722 |  99 |   94 |
| `fluent3d`    | Fluent emoji, flat -> Fluent emoji, 3D   | MIT                 | 1,404 |  85 |   73 |
| `noto-fluent` | Noto emoji -> Fluent emoji, flat         | Apache-2.0 and MIT  | 1,424 |  85 |   77 |

None holds skin tones or flags. OpenMoji without brands, too, and without outlines that two pictures share or nearly
share and that have other colours in each: a circle is no reason to choose red, nor is a blank box to choose an album.
Splits are those of `emoji`: an emoji is on the side of its siblings, and on the same side in every data set.
"""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.dataset import DataInfo, write_parquet
from training.data.drawing import rasterise, webp
from training.data.emoji import CLASS_NAMES, SIZE, Emoji, base_emoji, plain_code, vendor_drawings
from training.data.sources import Source, source_files
from training.errors import TrainingError

OPENMOJI_CLASSES = [*CLASS_NAMES, "OpenMoji's own"]
OPENMOJI_GROUPS = {
    "smileys-emotion": 0,
    "people-body": 1,
    "animals-nature": 2,
    "food-drink": 3,
    "travel-places": 4,
    "activities": 5,
    "objects": 6,
    "symbols": 7,
    "extras-openmoji": 8,
    "extras-unicode": 8,
}
"""OpenMoji's group -> class. Its groups of flags and of parts of emoji are left out."""
LEFT_OUT = {"brand", "flags", "flag", "subdivision-flag", "regional-indicator", "keycap", "alphanum"}
"""OpenMoji's subgroups whose colours no outline tells: by decree, or by nothing at all."""
TWIN, OTHER_COLOURS = 2.0, 12.0
"""Mean distances in grey levels: two outlines closer than the first are one; two pictures further apart than the second
have other colours."""
BLANK = 0.005
"""Share of ink under which there is nothing to go by."""

Pair = tuple[Emoji, Image.Image, Image.Image]
"""Emoji, source, image."""


def build_openmoji(sources: list[Source], path: Path) -> DataInfo:
    """Build the Parquet file at `path` from OpenMoji's package. Raises TrainingError."""
    (openmoji,) = sources
    files = source_files(openmoji)
    drawn = []
    for emoji, code in openmoji_list(files["data/openmoji.json"]):
        outline, colour = (files.get(f"{kind}/svg/{code}.svg") for kind in ("black", "color"))
        if outline is not None and colour is not None:
            drawn.append((emoji, rasterise(outline.decode(), SIZE), rasterise(colour.decode(), SIZE)))
    pairs = telling(drawn)
    note = (
        f"{len(drawn) - len(pairs)} of {len(drawn)} outlines were left out because they do not tell the colours: "
        "they are blank, or another picture has the same outline in other colours."
    )
    return _write(path, pairs, sources, openmoji, "openmoji", "OpenMoji, outline to colour", OPENMOJI_CLASSES, [note])


def build_fluent3d(sources: list[Source], path: Path) -> DataInfo:
    """Build the Parquet file at `path` from both Fluent packages and emojibase, in this order. Raises TrainingError."""
    flat, solid, unicode = sources
    drawings = vendor_drawings(source_files(flat))
    models = {plain_code(PurePosixPath(name).stem): content for name, content in source_files(solid).items()}
    pairs = [
        (emoji, rasterise(drawings[emoji.code], SIZE), on_white(models[emoji.code]))
        for emoji in base_emoji(source_files(unicode)["en/data.json"])
        if emoji.code in drawings and emoji.code in models
    ]
    return _write(path, pairs, sources, solid, "fluent3d", "Fluent emoji, flat to 3D", CLASS_NAMES, [])


def build_noto_fluent(sources: list[Source], path: Path) -> DataInfo:
    """Build the Parquet file at `path` from two vendors' packages and emojibase, in this order. Raises TrainingError.

    Who trains without pairs gets both vendors' pictures of the training emoji, each in an order of its own.
    """
    noto, fluent, unicode = sources
    ours, theirs = (vendor_drawings(source_files(vendor)) for vendor in (noto, fluent))
    pairs = [
        (emoji, rasterise(ours[emoji.code], SIZE), rasterise(theirs[emoji.code], SIZE))
        for emoji in base_emoji(source_files(unicode)["en/data.json"])
        if emoji.code in ours and emoji.code in theirs
    ]
    # Of the two licences the one that asks for more stands for both; the other is named.
    main = replace(noto, attribution=f"{noto.attribution} (Noto emoji); {fluent.attribution} (Fluent emoji, MIT)")
    return _write(path, pairs, sources, main, "noto-fluent", "Noto and Fluent emoji", CLASS_NAMES, [])


def openmoji_list(data: bytes) -> list[tuple[Emoji, str]]:
    """Emoji without skin tones and flags, in OpenMoji's order, and what its files call them. data: `openmoji.json`."""
    return [
        (Emoji(plain_code(entry["hexcode"]), entry["annotation"], OPENMOJI_GROUPS[entry["group"]]), entry["hexcode"])
        for entry in json.loads(data)
        if entry["group"] in OPENMOJI_GROUPS and not entry["skintone"] and entry["subgroups"] not in LEFT_OUT
    ]


def telling(pairs: list[Pair]) -> list[Pair]:
    """Those whose source tells the colours of its image: not blank, and nobody else's in other colours."""
    outlines, pictures = _small([outline for _, outline, _ in pairs]), _small([picture for _, _, picture in pairs])
    kept = []
    for row, pair in enumerate(pairs):
        twins = np.abs(outlines - outlines[row]).mean(axis=1) < TWIN
        others = np.abs(pictures[twins] - pictures[row]).mean(axis=1)
        if (255 - outlines[row]).mean() > 255 * BLANK and others.max() <= OTHER_COLOURS:
            kept.append(pair)
    return kept


def on_white(content: bytes) -> Image.Image:
    """A picture with alpha as RGB at SIZE."""
    with Image.open(io.BytesIO(content)) as image:
        layer = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return flat.resize((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _small(images: list[Image.Image]) -> NDArray[np.float32]:
    """float32 [N, D] in grey levels: at a quarter of the size, where a hair's breadth does not count."""
    if not images:
        return np.zeros((0, 1), np.float32)
    return np.stack([np.asarray(image.reduce(4), np.float32).ravel() for image in images])


def _write(
    path: Path,
    pairs: list[Pair],
    sources: list[Source],
    main: Source,
    name: str,
    title: str,
    class_names: list[str],
    notes: list[str],
) -> DataInfo:
    """Write pairs, with the licence of `main`. Raises TrainingError if there are none."""
    if not pairs:
        raise TrainingError(f"The package {main.package} holds no pairs of pictures of known emoji.")
    identity = hashlib.sha256()
    for emoji, source, image in pairs:
        identity.update(source.tobytes() + image.tobytes() + f"{emoji.label}{emoji.split}".encode())
    info = DataInfo(
        name=name,
        title=title,
        source=" and ".join(f"npm package {source.package}" for source in sources),
        version=", ".join(source.version for source in sources),
        licence=main.licence,
        attribution=main.attribution,
        class_names=class_names,
        identity=identity.hexdigest()[:16],
        notes=["Split by base emoji: variants in gender or direction are on the same side.", *notes],
    )
    write_parquet(
        path,
        info,
        [webp(image) for _, _, image in pairs],
        [emoji.label for emoji, _, _ in pairs],
        [emoji.split for emoji, _, _ in pairs],
        sources=[webp(source) for _, source, _ in pairs],
    )
    return info

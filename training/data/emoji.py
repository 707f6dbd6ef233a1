"""Emoji of three vendors as 128 px colour pictures on white, drawn from their SVG.

    genhub data build emoji

`emoji` is Noto; `emoji-fluent` (flat) and `emoji-twemoji` are drawn by the same code, at a size that serves 64 px
training by a halving. They hold base emoji only, a class for each Unicode group: no skin tones, no flags, no regional
indicators. Groups and names are Unicode's, from emojibase. Splits follow from the code points, so they are the same for
every vendor, and an emoji that differs only in gender or direction is on the side of its siblings.

`emoji-people` is what a small generator can learn: Noto's people from the waist up, who stand alike and differ in hair,
clothes, gesture and skin tone. Its classes are the skin tones. All tones and genders of one emoji are on one side, so
that val is four emoji (baby, bald, facepalming, cook) and test three (tipping hand, bowing, shrugging): few, where an
instrument wants at least fifty pictures.

| data set        | source                              | licence    | train | val | test |
|-----------------|-------------------------------------|------------|------:|----:|-----:|
| `emoji`         | npm @iconify-json/noto              | Apache-2.0 | 1,480 |  87 |   77 |
| `emoji-fluent`  | npm @iconify-json/fluent-emoji-flat | MIT        | 1,424 |  85 |   77 |
| `emoji-twemoji` | npm @iconify-json/twemoji           | CC-BY-4.0  | 1,480 |  87 |   77 |
| `emoji-people`  | npm @iconify-json/noto              | Apache-2.0 |   726 |  60 |   54 |
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.data.dataset import DataInfo, write_parquet
from training.data.drawing import png, rasterise
from training.data.sources import Source, source_files
from training.errors import TrainingError

SIZE = 128
CLASS_NAMES = ["Smileys", "People", "Animals", "Food", "Travel", "Activities", "Objects", "Symbols"]
GROUPS = {0: 0, 1: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7}
"""emojibase's group -> class. Its groups 2 and 9, parts of emoji and flags, are left out."""
TONE_NAMES = ["Yellow", "Light", "Medium-light", "Medium", "Medium-dark", "Dark"]
PORTRAITS = {23, 24, 25}
"""emojibase's subgroups person, person-gesture and person-role: one person each, from the waist up."""

VARIATION, JOINER = "fe0f", "200d"
GENDER_SIGNS = {"2640", "2642"}
RIGHTWARDS = "27a1"
TONES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff")
PEOPLE = {"1f468": "1f9d1", "1f469": "1f9d1", "1f466": "1f9d2", "1f467": "1f9d2"}
"""Man and woman -> person, boy and girl -> child."""
GENDERED = {"1f474": "1f9d3", "1f475": "1f9d3", "1f934": "1fac5", "1f478": "1fac5", "1f930": "1fac4", "1fac3": "1fac4"}
"""Of people whose gender is in their own code: old man and woman, prince and princess, pregnant woman and man."""
HELD_OUT = 0.05
"""Share of all families that are in val, and as many again in test."""


@dataclass(frozen=True)
class Emoji:
    """One emoji, as Unicode sees it."""

    code: str
    """Code points in lower-case hex, joined by "-", without variation selectors: what vendors name their files by."""
    name: str
    label: int
    """Index into the class names of its collection."""

    @property
    def split(self) -> str:
        """train, val or test, the same for all base emoji that differ in gender or direction alone."""
        return _split(family(self.code), HELD_OUT)


@dataclass(frozen=True)
class Collection:
    """Which emoji a data set is made of."""

    choose: Callable[[bytes], list[Emoji]]
    """Those emoji, of emojibase's `data.json`, in Unicode's order."""
    class_names: list[str]
    notes: list[str]
    """What the card says of its splits, a sentence each."""
    held_out: float = HELD_OUT
    """Share of its families that are in val, and as many again in test."""
    siblings: Mapping[str, str] = field(default_factory=dict)
    """Family -> the one that it is of, where codes do not tell."""

    def split(self, emoji: Emoji) -> str:
        """train, val or test, the same for all of a family."""
        shared = family(emoji.code)
        return _split(self.siblings.get(shared, shared), self.held_out)


def build(sources: list[Source], path: Path, name: str, title: str, collection: Collection) -> DataInfo:
    """Build the Parquet file at `path` from a vendor's package and emojibase, in this order. Raises TrainingError."""
    vendor, unicode = sources
    drawings = vendor_drawings(source_files(vendor))
    emoji = [each for each in collection.choose(source_files(unicode)["en/data.json"]) if each.code in drawings]
    if not emoji:
        raise TrainingError(f"The package {vendor.package} holds no emoji that Unicode knows.")
    images = [rasterise(drawings[each.code], SIZE) for each in emoji]
    labels, splits = [each.label for each in emoji], [collection.split(each) for each in emoji]
    identity = hashlib.sha256()
    for image, label, split in zip(images, labels, splits, strict=True):
        identity.update(image.tobytes() + f"{label}{split}".encode())
    info = DataInfo(
        name=name,
        title=title,
        source=" and ".join(f"npm package {source.package}" for source in sources),
        version=", ".join(source.version for source in sources),
        licence=vendor.licence,
        attribution=vendor.attribution,
        class_names=collection.class_names,
        identity=identity.hexdigest()[:16],
        notes=collection.notes,
    )
    write_parquet(path, info, [png(image) for image in images], labels, splits)
    return info


def base_emoji(data: bytes) -> list[Emoji]:
    """Every emoji without skin tones and flags, in Unicode's order. data: emojibase's `data.json`."""
    entries = [entry for entry in json.loads(data) if entry.get("group") in GROUPS]
    return [
        Emoji(plain_code(entry["hexcode"]), entry["label"], GROUPS[entry["group"]])
        for entry in sorted(entries, key=lambda entry: int(entry["order"]))
    ]


def portraits(data: bytes) -> list[Emoji]:
    """Every emoji of one person from the waist up, in all skin tones. data: emojibase's `data.json`."""
    people = [entry for entry in json.loads(data) if entry.get("subgroup") in PORTRAITS]
    found = []
    for person in sorted(people, key=lambda entry: int(entry["order"])):
        found += [
            # A tone is a number from 1; only emoji of several people have a list of them.
            Emoji(plain_code(entry["hexcode"]), entry["label"], int(entry.get("tone", 0)))
            for entry in [person, *person.get("skins", [])]
        ]
    return found


BASE = Collection(
    base_emoji,
    CLASS_NAMES,
    [
        "Split by base emoji: variants in gender or direction are on the same side.",
        "Held-out emoji are of other concepts than the training emoji: a distance to them says how much pictures "
        "look like emoji at large.",
    ],
)
PEOPLE_PORTRAITS = Collection(
    portraits,
    TONE_NAMES,
    [
        "Split by base emoji: variants in gender or skin tone are on the same side.",
        "The 54 test pictures are three emoji, in all genders and tones, that are not among the training pictures: a "
        "distance to them says how much pictures look like people of this vendor.",
    ],
    held_out=0.1,
    siblings=GENDERED,
)


def _split(shared: str, held_out: float) -> str:
    """Of a family of emoji."""
    share = int.from_bytes(hashlib.sha256(shared.encode()).digest()[:8], "big") / 2**64
    return "test" if share < held_out else "val" if share < 2 * held_out else "train"


def plain_code(code: str) -> str:
    """A code in lower case, without variation selectors."""
    return "-".join(point for point in code.lower().split("-") if point != VARIATION)


def family(code: str) -> str:
    """What emoji share that differ in gender, direction or skin tone alone: woman and man running are one family."""
    toneless = "-".join(point for point in plain_code(code).split("-") if point not in TONES)
    parts = [part.strip("-") for part in toneless.split(JOINER)]
    # The first part is what is seen: there, a gender sign or an arrow is an emoji of its own.
    kept = [parts[0], *(part for part in parts[1:] if part not in GENDER_SIGNS and part != RIGHTWARDS)]
    points = f"-{JOINER}-".join(kept).split("-")
    return "-".join(PEOPLE.get(point, point) for point in points)


def vendor_drawings(files: dict[str, bytes]) -> dict[str, str]:
    """Code -> SVG, from an icon set in Iconify's format: `icons.json` (bodies) and `chars.json` (code -> name)."""
    icons, codes = json.loads(files["icons.json"]), json.loads(files["chars.json"])
    return {
        plain_code(code): _svg(icons, icons["icons"][name]) for code, name in codes.items() if name in icons["icons"]
    }


def _svg(icons: dict[str, Any], icon: dict[str, Any]) -> str:
    """A whole SVG around an icon's body; its own measures go before the set's."""
    width, height = icon.get("width", icons.get("width", 16)), icon.get("height", icons.get("height", 16))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="{box}">{icon["body"]}</svg>'
    )

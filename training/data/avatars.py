"""Drawn faces with ground truth: 5,000 identities with four expressions each, as 64 px colour pictures on white.

    genhub data build avatars

What: ToonHead by Johan Melin (CC-BY-4.0), as DiceBear composes it of parts. An identity is hair, its colour, what falls
behind the head, beard, skin, clothes and their colour; an expression is eyes, brows and mouth. Every part is a column,
the class is the mouth. Whole identities are held out, so no identity, and no identity with an expression, is in two
splits; the parts are. 14,000 train, 3,000 val, 3,000 test. DiceBear runs on Node.js, which is needed here and never
again.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from training.data.attributes import Attribute
from training.data.dataset import DataInfo, write_parquet
from training.data.drawing import rasterise, webp
from training.data.sources import Source, source_files
from training.errors import TrainingError

SIZE = 64
IDENTITIES, EXPRESSIONS = 5000, 4
HELD_OUT = 750
"""Identities in val, and in test."""
NONE = "none"
ERROR = re.compile(r"\w*Error\b")
"""How the line begins in which Node.js names what was thrown."""
SCRIPT = Path(__file__).with_name("avatars.mjs")
WHOLE, FACE = 'viewBox="0 0 768 768"', 'viewBox="44 0 680 680"'
"""The middle of the drawing: shoulders cost pixels that the face can use."""


@dataclass(frozen=True)
class Part:
    """One choice in a face."""

    column: str
    option: str
    """DiceBear's name of it."""
    values: dict[str, str]
    """Our name of a value -> DiceBear's; for NONE, the part is left out."""
    optional: bool = False

    def options(self, value: str) -> dict[str, object]:
        """What DiceBear is told, so that it leaves nothing to chance."""
        probability = {f"{self.option}Probability": 0 if value == NONE else 100} if self.optional else {}
        return {self.option: [self.values[value]] if value != NONE else [], **probability}


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


IDENTITY = (
    Part("hair", "hair", _same("sideComed", "undercut", "spiky", "bun")),
    Part(
        "hair_colour",
        "hairColor",
        {"black": "2c1b18", "dark brown": "724133", "auburn": "a55728", "light brown": "b58143", "blond": "d6b370"},
    ),
    Part(
        "rear_hair",
        "rearHair",
        # Half of all faces have none: it is listed as often as the four there are.
        {NONE: "", **_same("longStraight", "longWavy", "shoulderHigh", "neckHigh")},
        optional=True,
    ),
    Part(
        "beard",
        "beard",
        {NONE: "", **_same("moustacheTwirl", "fullBeard", "chin", "chinMoustache", "longBeard")},
        optional=True,
    ),
    Part(
        "skin",
        "skinColor",
        {"lightest": "f1c3a5", "light": "c68e7a", "medium": "b98e6a", "dark": "a36b4f", "darkest": "5c3829"},
    ),
    Part("clothes", "clothes", _same("turtleNeck", "openJacket", "dress", "shirt", "tShirt")),
    Part(
        "clothes_colour",
        "clothesColor",
        {
            **{"grey": "545454", "red": "b11f1f", "blue": "0b3286", "green": "147f3c", "yellow": "eab308"},
            **{"purple": "731ac3", "pink": "ec4899", "orange": "f97316", "black": "151613", "white": "e8e9e6"},
        },
    ),
)
EXPRESSION = (
    Part("eyes", "eyes", _same("happy", "wide", "bow", "humble", "wink")),
    Part("eyebrows", "eyebrows", _same("raised", "angry", "happy", "sad", "neutral")),
    Part("mouth", "mouth", _same("laugh", "angry", "agape", "smile", "sad")),
)
PARTS = (*IDENTITY, *EXPRESSION)
MOUTHS = ["Laugh", "Angry", "Agape", "Smile", "Sad"]

Face = dict[str, str]
"""Column -> value, for the parts of an identity, of an expression, or of both."""


def _attribute(name: str, column: str, having: list[str], lacking: list[str]) -> Attribute:
    values = list(next(part for part in PARTS if part.column == column).values)
    return Attribute(name, column, tuple(map(values.index, having)), tuple(map(values.index, lacking)))


ATTRIBUTES = (
    _attribute("Smile", "mouth", ["laugh", "smile"], ["angry", "sad"]),
    _attribute("Open mouth", "mouth", ["laugh", "angry", "agape"], ["smile", "sad"]),
    _attribute("Closed eyes", "eyes", ["bow", "humble"], ["happy", "wide"]),
    _attribute("Angry brows", "eyebrows", ["angry"], ["sad", "raised"]),
    _attribute("Beard", "beard", ["fullBeard", "longBeard"], [NONE]),
    _attribute("Long hair", "rear_hair", ["longStraight", "longWavy"], [NONE]),
    _attribute("Hair up in a bun", "hair", ["bun"], ["sideComed", "undercut"]),
    _attribute("Fair hair", "hair_colour", ["light brown", "blond"], ["black", "dark brown"]),
    _attribute("Dark skin", "skin", ["dark", "darkest"], ["lightest", "light"]),
    _attribute("Dark clothes", "clothes_colour", ["black", "grey", "blue"], ["white", "yellow"]),
)


@dataclass(frozen=True)
class Row:
    """One picture to be drawn."""

    identity: int
    face: Face
    split: str


def build(sources: list[Source], path: Path, identities: int = IDENTITIES, held_out: int = HELD_OUT) -> DataInfo:
    """Build the Parquet file at `path` from DiceBear's core and its style, in this order. Raises TrainingError."""
    rows = faces(identities, held_out)
    drawings = draw([row.face for row in rows], sources)
    images = [rasterise(drawing.replace(WHOLE, FACE, 1), SIZE) for drawing in drawings]
    columns = {part.column: [list(part.values).index(row.face[part.column]) for row in rows] for part in PARTS}
    columns["identity"] = [row.identity for row in rows]
    splits = [row.split for row in rows]
    digest = hashlib.sha256()
    for image, row in zip(images, rows, strict=True):
        digest.update(image.tobytes() + json.dumps([row.identity, row.face, row.split]).encode())
    style = sources[-1]
    info = DataInfo(
        name="avatars",
        title="ToonHead avatars",
        source=" and ".join(f"npm package {source.package}" for source in sources),
        version=", ".join(source.version for source in sources),
        licence=style.licence,
        attribution=style.attribution,
        class_names=MOUTHS,
        identity=digest.hexdigest()[:16],
        notes=[
            "Split by identity: no face is in two splits with any expression; hair styles, colours and mouths are.",
            "Faces are drawings composed of parts at random; they stand for nobody, and for no population.",
        ],
        columns={part.column: list(part.values) for part in PARTS},
    )
    write_parquet(path, info, [webp(image) for image in images], columns["mouth"], splits, columns)
    return info


def faces(identities: int, held_out: int) -> list[Row]:
    """So many identities with EXPRESSIONS expressions each, in an order that has nothing to do with either."""
    rows = []
    for number, identity in enumerate(_distinct("identity", IDENTITY, identities)):
        split = "test" if number < held_out else "val" if number < 2 * held_out else "train"
        expressions = _distinct(f"expression {number}", EXPRESSION, EXPRESSIONS)
        rows += [Row(number, {**identity, **expression}, split) for expression in expressions]
    return sorted(rows, key=lambda row: hashlib.sha256(json.dumps(row.face).encode()).digest())


def _distinct(what: str, parts: tuple[Part, ...], wanted: int) -> list[Face]:
    """Combinations of parts, each once.

    By hash, because no random generator promises the same numbers in its next version.
    """
    drawn = (tuple(_choice(f"{what} {number} {part.column}", part) for part in parts) for number in count())
    found: dict[tuple[str, ...], None] = {}
    for combination in drawn:
        found.setdefault(combination)
        if len(found) == wanted:
            break
    columns = [part.column for part in parts]
    return [dict(zip(columns, combination, strict=True)) for combination in islice(found, wanted)]


def _choice(key: str, part: Part) -> str:
    """A value; half of the faces go without an optional part."""
    values = list(part.values)
    if part.optional:
        values += [NONE] * (len(values) - 2)
    return values[int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % len(values)]


def draw(wanted: list[Face], sources: list[Source]) -> list[str]:
    """An SVG for each face, from Node.js with the pinned packages and nothing else. Raises TrainingError."""
    node = shutil.which("node")
    if node is None:
        raise TrainingError(
            "Avatars are composed by DiceBear, which runs on Node.js, and this machine has no `node`: install "
            "Node.js 18 or later, or copy a built avatars.parquet here."
        )
    options = []
    for face in wanted:
        chosen: dict[str, object] = {"seed": "genhub"}
        for part in PARTS:
            chosen |= part.options(face[part.column])
        options.append(chosen)
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            for name, content in source_files(source).items():
                file = Path(folder, "node_modules", source.package, name)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        script = Path(folder, SCRIPT.name)
        shutil.copyfile(SCRIPT, script)
        done = subprocess.run(
            [node, str(script)], cwd=folder, input=json.dumps(options), capture_output=True, text=True, encoding="utf-8"
        )
    drawings = done.stdout.splitlines()
    if done.returncode != 0 or len(drawings) != len(wanted):
        reason = next((line for line in done.stderr.splitlines() if ERROR.match(line)), "no reason given")
        raise TrainingError(f"Node.js could not draw the avatars ({reason}); it must be version 18 or later.")
    if any(WHOLE not in drawing for drawing in drawings):
        raise TrainingError("DiceBear drew something else than ToonHead faces; is another version pinned?")
    return drawings

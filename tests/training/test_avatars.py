"""Avatars: what is drawn, how it is split, and what is said where DiceBear or Node.js are not what they should be."""

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.data import avatars
from training.data.avatars import ATTRIBUTES, EXPRESSION, IDENTITY, NONE, PARTS, draw, faces
from training.data.build import attributes_of
from training.data.dataset import read_info, read_parquet
from training.data.sources import Source, package_path, read_source
from training.errors import TrainingError

TINY = Path(__file__).parents[1] / "data" / "avatars_tiny.parquet"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

CORE = """
export const createAvatar = (style, options) => ({ toString: () => style.draw(options) });
"""
STYLE = """
export const draw = (o) => {
  const beard = o.beardProbability === 100 ? `<rect x="300" y="450" width="168" height="60"/>` : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 768 768">\n<circle cx="384" cy="384" r="200"
    fill="#${o.skinColor[0]}"/>${beard}</svg>`;
};
"""


def tgz(content: str) -> bytes:
    """An npm package of one module."""
    files = {"package.json": '{"type": "module", "exports": "./lib/index.js"}', "lib/index.js": content}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def pinned(name: str, content: str) -> Source:
    """The source `name` with another package in its place, in the cache."""
    package = tgz(content)
    source = replace(read_source(name), sha256=hashlib.sha256(package).hexdigest())
    package_path(source).parent.mkdir(parents=True, exist_ok=True)
    package_path(source).write_bytes(package)
    return source


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """A DiceBear that draws a disc of the skin's colour, and a bar for a beard."""
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))
    return [pinned("dicebear-core", CORE), pinned("toon-head", STYLE)]


def key(row: avatars.Row, parts: tuple[avatars.Part, ...]) -> tuple[str, ...]:
    return tuple(row.face[part.column] for part in parts)


def test_no_identity_is_in_two_splits_and_no_face_is_there_twice() -> None:
    rows = faces(200, 30)
    assert len(rows) == 800 and len({key(row, PARTS) for row in rows}) == 800
    sides = {name: {key(row, IDENTITY) for row in rows if row.split == name} for name in ("train", "val", "test")}
    assert {name: len(side) for name, side in sides.items()} == {"train": 140, "val": 30, "test": 30}
    assert not sides["train"] & sides["val"] and not (sides["train"] | sides["val"]) & sides["test"]
    of_first = [key(row, EXPRESSION) for row in rows if row.identity == 0]
    assert len(set(of_first)) == 4


def test_half_of_the_faces_have_no_beard_and_every_value_is_drawn() -> None:
    rows = faces(1000, 100)
    assert 0.45 < np.mean([row.face["beard"] == NONE for row in rows]) < 0.55
    for part in PARTS:
        assert {row.face[part.column] for row in rows} == set(part.values)


def test_more_identities_change_none_of_the_first() -> None:
    few, many = ({key(row, PARTS) for row in faces(count, 2)} for count in (10, 40))
    assert few < many


@needs_node
def test_columns_say_what_is_drawn(packages: list[Source], tmp_path: Path) -> None:
    path = tmp_path / "avatars.parquet"
    info = avatars.build(packages, path, identities=12, held_out=3)
    assert read_info(path) == info and info.licence == "CC-BY-4.0" and "Johan Melin" in info.attribution
    data = read_parquet(path, 64, 3)
    assert [len(split) for split in (data.train, data.val, data.test)] == [24, 12, 12]
    skins = next(part for part in PARTS if part.column == "skin")
    for image, skin, beard in zip(
        data.train.images, data.train.columns["skin"], data.train.columns["beard"], strict=True
    ):
        colour = list(skins.values.values())[skin]
        assert image[24, 32].tolist() == list(bytes.fromhex(colour))
        assert (image[45, 32].tolist() == [0, 0, 0]) == (info.columns["beard"][beard] != NONE)
    assert np.array_equal(data.train.labels, data.train.columns["mouth"])


@needs_node
def test_two_builds_give_the_same_bytes(packages: list[Source], tmp_path: Path) -> None:
    for name in ("first", "second"):
        avatars.build(packages, tmp_path / name, identities=6, held_out=1)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_without_node_it_says_what_to_do(packages: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TrainingError, match="no `node`: install Node"):
        draw([faces(1, 0)[0].face], packages)


@needs_node
@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("throw new Error('out of order');", r"could not draw the avatars \(Error: out of order\)"),
        ("export const draw = () => '<svg/>';", "something else than ToonHead faces"),
        ("export const draw = () => 'one\\r\\ntwo';", "something else than ToonHead faces|could not draw"),
    ],
)
def test_a_dicebear_that_fails_is_one_sentence_and_leaves_nothing(
    packages: list[Source], tmp_path: Path, style: str, message: str
) -> None:
    path = tmp_path / "avatars.parquet"
    with pytest.raises(TrainingError, match=message):
        avatars.build([packages[0], pinned("toon-head", style)], path, identities=2, held_out=0)
    assert not path.exists()


def test_the_slice_under_tests_is_read_with_its_columns() -> None:
    data = read_parquet(TINY, 64, 3)
    assert [len(split) for split in (data.train, data.val, data.test)] == [40, 12, 12]
    assert set(data.train.columns) == {*(part.column for part in PARTS), "identity"}
    assert set(data.info.columns) == {part.column for part in PARTS}
    for name, values in data.info.columns.items():
        assert data.train.columns[name].max() < len(values)
    assert all((image[:4, :2] == 255).all() for image in data.test.images)  # on white


def test_every_attribute_has_pictures_on_both_sides_of_it() -> None:
    assert attributes_of("avatars") == ATTRIBUTES
    columns = read_parquet(TINY, 64, 3).train.columns
    for attribute in ATTRIBUTES:
        having, lacking = attribute.groups(columns)
        assert len(having) and len(lacking), attribute.name
        assert not set(attribute.having) & set(attribute.lacking)


def test_a_data_set_without_further_columns_is_read_as_before() -> None:
    old = read_parquet(TINY.with_name("emoji_tiny.parquet"), 64, 3)
    assert old.train.columns == {} and old.info.columns == {}
    assert json.loads(json.dumps(old.info.notes))

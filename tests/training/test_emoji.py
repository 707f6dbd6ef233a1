"""Emoji data: drawn from a small package made here, fetched with a client that behaves, misbehaves or is missing."""

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.data import emoji
from training.data.dataset import read_info, read_parquet
from training.data.drawing import rasterise
from training.data.emoji import (
    PEOPLE_PORTRAITS,
    TONE_NAMES,
    TONES,
    Collection,
    Emoji,
    base_emoji,
    family,
    plain_code,
    portraits,
    vendor_drawings,
)
from training.data.sources import Source, package_path, read_source, source_files
from training.errors import TrainingError

TINY = Path(__file__).parents[1] / "data" / "emoji_tiny.parquet"
RED_DISC = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3" fill="#f00"/></svg>'


def tgz(files: dict[str, bytes]) -> bytes:
    """An npm package file: everything lies under `package/`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def entry(code: str, group: int | None, order: int) -> dict[str, object]:
    known = {} if group is None else {"group": group, "order": order}
    return {"hexcode": code, "label": f"name of {code}", **known}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Source]:
    """A vendor with a heart, a face, a flag and an emoji that Unicode does not know; both packages in the cache."""
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))
    body = '<circle cx="4" cy="4" r="3" fill="#f00"/>'
    icons = {"width": 8, "height": 8, "icons": {name: {"body": body} for name in ("heart", "face", "flag", "odd")}}
    chars = {"2764-fe0f": "heart", "1f600": "face", "1f3c1": "flag", "1faeb": "odd"}
    unicode = [entry("2764-FE0F", 8, 9), entry("1F600", 0, 1), entry("1F3C1", 9, 20), entry("1F1E6", None, 0)]
    contents = {
        "noto": {"icons.json": json.dumps(icons).encode(), "chars.json": json.dumps(chars).encode(), "x.js": b"no"},
        "emojibase": {"en/data.json": json.dumps(unicode).encode(), "de/data.json": b"not wanted"},
    }
    pinned = []
    for name, files in contents.items():
        package = tgz(files)
        source = replace(read_source(name), sha256=hashlib.sha256(package).hexdigest())
        package_path(source).parent.mkdir(parents=True, exist_ok=True)
        package_path(source).write_bytes(package)
        pinned.append(source)
    return pinned


def test_only_base_emoji_that_unicode_knows_are_built_with_their_group(packages: list[Source], tmp_path: Path) -> None:
    path = tmp_path / "emoji.parquet"
    info = emoji.build(packages, path, "emoji", "Noto emoji", emoji.BASE)
    data = read_parquet(path, 64, 3)
    labels = np.concatenate([split.labels for split in (data.train, data.val, data.test)])
    assert sorted(info.class_names[label] for label in labels) == ["Smileys", "Symbols"]
    assert read_info(path) == info and info.licence == "Apache-2.0"


def test_people_come_in_all_skin_tones_of_which_one_family_is_on_one_side() -> None:
    def person(code: str, order: int, subgroup: int) -> dict[str, object]:
        tones = [entry(f"{code[:5]}-{tone.upper()}{code[5:]}", 1, order + n) for n, tone in enumerate(TONES, 1)]
        skins = [{**each, "tone": number} for number, each in enumerate(tones, 1)]
        return {**entry(code, 1, order), "subgroup": subgroup, "skins": skins}

    people = [person("1F468-200D-1F680", 20, 25), person("1F64B", 10, 24), person("1F44B", 5, 16)]
    found = portraits(json.dumps([*people, {**entry("1F600", 0, 1), "subgroup": 0}]).encode())
    assert len(found) == 12 and [each.label for each in found] == [0, 1, 2, 3, 4, 5] * 2
    assert found[0].code == "1f64b" and found[7].code == "1f468-1f3fb-200d-1f680", (
        "in Unicode's order; no hands, no faces"
    )
    assert {family(each.code) for each in found} == {"1f64b", "1f9d1-200d-1f680"}
    for one in (found[:6], found[6:]):
        assert len({PEOPLE_PORTRAITS.split(each) for each in one}) == 1
    elders = [PEOPLE_PORTRAITS.split(Emoji(code, "", 0)) for code in ("1f9d3", "1f474", "1f475-1f3fd")]
    assert len(set(elders)) == 1, "gender may be in the code itself"
    splits = [PEOPLE_PORTRAITS.split(Emoji(f"{code:x}", "", 0)) for code in range(0x1F300, 0x1F300 + 4000)]
    assert 0.08 < splits.count("val") / 4000 < 0.12 and 0.08 < splits.count("test") / 4000 < 0.12


def test_a_data_set_of_people_has_their_tones_for_classes_and_says_how_it_was_split(
    packages: list[Source], tmp_path: Path
) -> None:
    face = Collection(lambda data: [Emoji("1f600", "face", 2)], TONE_NAMES, PEOPLE_PORTRAITS.notes)
    info = emoji.build(packages, tmp_path / "people.parquet", "emoji-people", "People", face)
    assert info.class_names[2] == "Medium-light" and info.notes == PEOPLE_PORTRAITS.notes
    with pytest.raises(TrainingError, match="no emoji that Unicode knows"):
        emoji.build(packages, tmp_path / "none.parquet", "emoji-people", "People", PEOPLE_PORTRAITS)


def test_two_builds_give_the_same_bytes(packages: list[Source], tmp_path: Path) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    emoji.build(packages, first, "emoji", "Noto emoji", emoji.BASE)
    emoji.build(packages, second, "emoji", "Noto emoji", emoji.BASE)
    assert first.read_bytes() == second.read_bytes()


def test_only_wanted_files_leave_the_package(packages: list[Source]) -> None:
    assert sorted(source_files(packages[0])) == ["chars.json", "icons.json"]
    assert list(source_files(packages[1])) == ["en/data.json"]


def test_variants_in_gender_or_direction_are_on_one_side() -> None:
    runners = ["1f3c3", "1f3c3-200d-2640", "1f3c3-200d-2642", "1f3c3-200d-2642-200d-27a1", "1f3c3-200d-27a1"]
    assert {family(code) for code in runners} == {"1f3c3"}
    pilots = ["1f468-200d-2708", "1f469-200d-2708", "1F9D1-200D-2708-FE0F"]
    assert {family(code) for code in pilots} == {"1f9d1-200d-2708"}
    assert family("2640") != family("2642"), "the signs alone are emoji of their own"


def test_splits_follow_from_the_code_and_keep_their_shares() -> None:
    splits = [Emoji(f"{code:x}", "", 0).split for code in range(0x1F300, 0x1F300 + 4000)]
    assert 0.04 < splits.count("val") / 4000 < 0.06 and 0.04 < splits.count("test") / 4000 < 0.06
    assert splits == [Emoji(f"{code:x}", "another name", 3).split for code in range(0x1F300, 0x1F300 + 4000)]


def test_drawings_stand_whole_in_the_middle_of_white() -> None:
    pixels = np.asarray(rasterise(RED_DISC, 64))
    assert pixels.shape == (64, 64, 3) and (pixels[0, 0] == 255).all() and (pixels[32, 32] == [255, 0, 0]).all()
    wide = np.asarray(rasterise(RED_DISC.replace("0 0 8 8", "-4 0 16 8"), 64))
    rows, columns = np.nonzero(wide[..., 1] < 128)
    assert abs(rows.mean() - 31.5) < 1 and abs(columns.mean() - 31.5) < 1
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1, "a circle stays round"


def test_broken_svg_is_one_sentence() -> None:
    with pytest.raises(TrainingError, match="An SVG could not be drawn"):
        rasterise("<svg", 64)


def test_codes_are_compared_without_variation_selectors() -> None:
    assert plain_code("2764-FE0F") == "2764"
    files = {"icons.json": b'{"icons": {"heart": {"body": "<g/>"}}}', "chars.json": b'{"2764-fe0f": "heart"}'}
    assert list(vendor_drawings(files)) == ["2764"]
    assert [each.code for each in base_emoji(json.dumps([entry("2764-FE0F", 8, 1)]).encode())] == ["2764"]


def test_without_npm_it_says_what_to_do(packages: list[Source], monkeypatch: pytest.MonkeyPatch) -> None:
    package_path(packages[0]).unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TrainingError, match="has no npm: run `npm pack --ignore-scripts @iconify-json/noto@"):
        source_files(packages[0])


def test_npm_s_own_reason_is_passed_on_and_nothing_stays_behind(
    packages: list[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_path(packages[0]).unlink()
    before = sorted(package_path(packages[0]).parent.iterdir())
    fake = tmp_path / "bin" / "npm"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nprintf 'npm warn old\\nnpm error code E404\\nnpm error 404 Not Found\\n' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    with pytest.raises(TrainingError, match=r"\(npm error 404 Not Found\); look at the registry"):
        source_files(packages[0])
    fake.write_text("#!/bin/sh\necho junk > junk.tgz\n")
    with pytest.raises(TrainingError, match="another sha256"):
        source_files(packages[0])
    assert sorted(package_path(packages[0]).parent.iterdir()) == before


def test_tiny_slice_has_the_schema_of_the_real_data_set() -> None:
    data = read_parquet(TINY, 64, 3)
    assert (len(data.train), len(data.val), len(data.test)) == (24, 8, 8)
    assert data.info.licence == "Apache-2.0" and set(data.train.labels) == set(range(8))
    corners = data.train.images[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.median(corners) == 255, "on white, not on black"

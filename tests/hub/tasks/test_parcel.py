"""``hub.tasks.parcel``: what is taken of files and ZIPs, what is refused, and under which names it comes back."""

import io
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hub.errors import RequestError
from hub.tasks.parcel import NAME, PICTURE_MB, RESERVED, UNPACKED_MB, Item, gather, safe_names
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence


def png(level: int = 90, size: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (size, size), level).save(buffer, "PNG")
    return buffer.getvalue()


def packed(path: Path, entries: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def taken(path: Path, name: str = "it.zip") -> list[Item]:
    return gather([(name, path)])


def problem(item: Item) -> str:
    """Why ``item`` is no picture, one sentence."""
    with pytest.raises(RequestError) as refused:
        item.read()
    return sentence(refused.value)


# ── What is taken ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_and_zips_are_taken_in_order_and_a_zip_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(png(10))
    archive = packed(tmp_path / "two", {"a.png": png(20), "b.png": png(30)})
    items = gather([("first.png", tmp_path / "one"), ("holiday.png", archive), ("last.png", tmp_path / "one")])
    assert [item.name for item in items] == ["first.png", "a.png", "b.png", "last.png"]
    assert [int(np.asarray(item.read())[0, 0]) for item in items] == [10, 20, 30, 10]


def test_nested_folders_keep_their_names_and_are_no_pictures_themselves(tmp_path: Path) -> None:
    entries = {"a/": b"", "a/b/": b"", "a/b/c.png": png(1), "a/c.png": png(2), "c.png": png(3), "d/e/f/g/h.png": png(4)}
    items = taken(packed(tmp_path / "it.zip", entries))
    assert [item.name for item in items] == ["a/b/c.png", "a/c.png", "c.png", "d/e/f/g/h.png"]
    assert [int(np.asarray(item.read())[0, 0]) for item in items] == [1, 2, 3, 4]


def test_what_systems_hide_in_zips_is_not_even_mentioned(tmp_path: Path) -> None:
    hidden = ["__MACOSX/._a.png", ".DS_Store", "a/.hidden.png", "Thumbs.db", "b/desktop.ini"]
    entries = dict.fromkeys(hidden, b"x") | {"a.png": png()}
    assert [item.name for item in taken(packed(tmp_path / "it.zip", entries))] == ["a.png"]
    (only,) = taken(packed(tmp_path / "hidden.zip", dict.fromkeys(hidden, b"x")))
    assert problem(only) == "There is nothing in this ZIP."


def test_two_entries_of_one_name_are_two_pictures(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for level in (40, 50):
            archive.writestr("a.png", png(level))
    items = taken(tmp_path / "it.zip")
    assert [int(np.asarray(item.read())[0, 0]) for item in items] == [40, 50]
    assert safe_names(item.name for item in items) == ["a.png", "a-2.png"]


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_zip_says_so_and_what_lies_beside_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png())
    items = gather([("empty.zip", packed(tmp_path / "empty.zip", {})), ("good.png", tmp_path / "good.png")])
    assert [item.name for item in items] == ["empty.zip", "good.png"]
    assert problem(items[0]) == "There is nothing in this ZIP." and items[1].read().size == (8, 8)


def test_nothing_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no picture in this batch") as refused:
        gather([])
    sentence(refused.value)


def test_more_pictures_than_a_request_may_have_are_refused_together(tmp_path: Path, turn: Turn) -> None:
    turn(max_count=3)
    archive = packed(tmp_path / "it.zip", {f"{number}.png": png() for number in range(2)})
    assert len(taken(archive)) == 2
    with pytest.raises(RequestError, match="at most 3 pictures") as refused:
        gather([("it.zip", archive), ("again.zip", archive)])
    sentence(refused.value)


def test_a_zip_of_folders_without_end_is_refused_before_it_is_listed(tmp_path: Path, turn: Turn) -> None:
    turn(max_count=3)
    assert len(taken(packed(tmp_path / "few.zip", {f"{n}/": b"" for n in range(11)} | {"a.png": png()}))) == 1
    (only,) = taken(packed(tmp_path / "many.zip", {f"{n}/": b"" for n in range(13)}))
    assert "far too many entries" in problem(only)


def test_a_zip_that_says_it_unpacks_to_gigabytes_is_refused_whole(tmp_path: Path) -> None:
    each = (PICTURE_MB - 1) * 10**6
    count = UNPACKED_MB // (PICTURE_MB - 1) + 1
    bomb = packed(tmp_path / "bomb.zip", {f"{number}.png": bytes(each) for number in range(count)})
    assert bomb.stat().st_size < 1_000_000
    (only,) = taken(bomb)
    assert f"would unpack to {count * each // 10**6} MB" in problem(only)


def test_a_member_that_is_too_large_is_left_out_and_the_others_are_not(tmp_path: Path) -> None:
    items = taken(packed(tmp_path / "it.zip", {"a.png": bytes(PICTURE_MB * 10**6 + 1), "b.png": png()}))
    assert f"at most {PICTURE_MB} MB" in problem(items[0]) and items[1].read().size == (8, 8)


def test_a_member_that_lies_about_its_size_is_not_unpacked_past_it(tmp_path: Path) -> None:
    size = 200_000_000
    content = packed(tmp_path / "it.zip", {"a.png": bytes(size)}).read_bytes()
    (tmp_path / "it.zip").write_bytes(content.replace(struct.pack("<I", size), struct.pack("<I", 1000)))
    (only,) = taken(tmp_path / "it.zip")
    assert "damaged inside the ZIP" in problem(only)


def test_a_picture_that_unpacks_to_gigabytes_of_pixels_is_refused(tmp_path: Path, turn: Turn) -> None:
    turn(max_megapixels=1)
    (only,) = taken(packed(tmp_path / "it.zip", {"a.png": png(size=1001)}))
    assert "at most 1 megapixels" in problem(only)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"not a picture", "not a picture"),
        (b"", "not a picture"),
        (png(size=64)[:70], "damaged"),
        (b"PK\x03\x04 and more", "archive inside an archive"),
        (b"Rar!\x1a\x07", "archive inside an archive"),
        (b"7z\xbc\xaf\x27\x1c", "archive inside an archive"),
        (b"\x1f\x8b\x08", "archive inside an archive"),
    ],
)
def test_a_member_that_is_no_picture_is_told_and_the_others_go_on(tmp_path: Path, content: bytes, told: str) -> None:
    bad, good = taken(packed(tmp_path / "it.zip", {"a.png": content, "b.png": png()}))
    assert told in problem(bad) and good.read().size == (8, 8)


def test_encrypted_and_oddly_packed_members_are_told_how_to_be_packed(tmp_path: Path) -> None:
    content = bytearray(packed(tmp_path / "it.zip", {"a.png": png(), "b.png": png()}).read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "it.zip").write_bytes(content)
    locked, good = taken(tmp_path / "it.zip")
    assert "encrypted" in problem(locked) and good.read().size == (8, 8)
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        (odd,) = taken(packed(tmp_path / "odd.zip", {"a.png": png()}, method))
        assert "uncommon way" in problem(odd)


def test_a_damaged_member_does_not_cost_the_others(tmp_path: Path) -> None:
    archive = packed(tmp_path / "it.zip", {"a.png": png(1), "b.png": png(2)}, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[content.find(b"IDAT") + 6] ^= 0xFF  # the checksum of the ZIP no longer fits
    archive.write_bytes(content)
    bad, good = taken(archive)
    assert "damaged inside the ZIP" in problem(bad) and int(np.asarray(good.read())[0, 0]) == 2


@pytest.mark.parametrize("kept", [4, 40, -30, -1])
def test_a_zip_that_is_cut_off_is_damaged(tmp_path: Path, kept: int) -> None:
    content = packed(tmp_path / "it.zip", {"a.png": png()}).read_bytes()
    (tmp_path / "it.zip").write_bytes(content[:kept])
    (only,) = taken(tmp_path / "it.zip")
    assert "damaged" in problem(only)


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.jpeg", "a.png"),
        ("holiday.2024.jpg", "holiday.2024.png"),
        ("no suffix", "no suffix.png"),
        ("../../etc/passwd", "etc/passwd.png"),
        ("/abs/a.png", "abs/a.png"),
        ("C:\\Users\\me\\a.png", "C_/Users/me/a.png"),
        ("a\\b/c.png", "a/b/c.png"),
        ("./a//b/.././c.png", "a/b/c.png"),
        ("", "picture.png"),
        ("...", "picture.png"),
        ("/", "picture.png"),
        (".png", "png.png"),
        ("con.png", "_con.png"),
        ("aux/LPT1.jpg", "_aux/_LPT1.png"),
        ("a\nb\x00c\u202egnp.png", "abcgnp.png"),
        ('what<>:"|?*.png', "what_______.png"),
        ("trailing. ./a .png", "trailing/a.png"),
        ("Grüße/猫.png", "Grüße/猫.png"),
        ("/".join("abcdefghij") + "/k.png", "c/d/e/f/g/h/i/j/k.png"),
        ("x" * 300 + ".png", "x" * NAME + ".png"),
    ],
)
def test_odd_names_become_ones_that_every_system_takes(name: str, wanted: str) -> None:
    assert safe_names([name]) == [wanted]


def test_the_same_name_twice_is_numbered_whatever_its_capitals_and_suffix() -> None:
    given = ["a.png", "A.jpg", "a.webp", "b/a.png", "a-2.png", "B/A.PNG"]
    assert safe_names(given) == ["a.png", "A-2.png", "a-3.png", "b/a.png", "a-2-2.png", "B/A-2.png"]


@given(st.lists(st.text(max_size=200) | st.text(alphabet="./\\ aA:con\x00\n", max_size=30), max_size=12))
def test_no_name_leads_out_of_its_folder_or_stands_in_another_s_place(names: list[str]) -> None:
    safe = safe_names(names)
    assert len({name.casefold() for name in safe}) == len(names)
    for name in safe:
        parts = PurePosixPath(name).parts
        assert name.endswith(".png") and not PurePosixPath(name).is_absolute() and len(parts) <= 9
        assert not PureWindowsPath(name).is_absolute() and not PureWindowsPath(name).drive
        for part in parts:
            assert part not in (".", "..") and part.isprintable() and part == part.strip(" ")
            assert not re.search(r'[<>:"|?*\\]', part) and not RESERVED.fullmatch(part) and len(part) <= NAME + 12

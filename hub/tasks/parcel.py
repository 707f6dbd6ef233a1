"""Many pictures at once, as people hand them in: files, ZIPs of files, or both. Each is read on its own, safely.

What is wrong with one file is told with its name, and the others go on. A ZIP is a stranger's word about itself, so
nothing of it is ever written to the disk under a name of its own, and nothing of it is believed: entries are counted
before they are listed, their sizes added up before the first is opened, and no more is unpacked than was announced.
"""

import io
import mmap
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from PIL import Image

from hub import images
from hub.errors import RequestError
from hub.settings import settings

UNPACKED_MB = 256
"""A ZIP that says it holds more than this is refused whole."""
PICTURE_MB = 32
"""A file in a ZIP that is larger is left out: as much as a file that is handed in alone may have."""
NAME = 60
"""Letters of each part of a name that are kept."""
ENTRY = b"PK\x01\x02"
"""Begins each entry in a ZIP's table of contents."""
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
NEVER_SHOWN = ("__MACOSX", "Thumbs.db", "desktop.ini")
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Windows has devices of these names in every folder."""


@dataclass(frozen=True)
class Item:
    """One file: a picture to be, or a ``problem`` in a sentence."""

    name: str
    """As the person knows it."""
    source: Path
    entry: zipfile.ZipInfo | None = None
    problem: str = ""

    def read(self) -> Image.Image:
        """The picture, 8-bit L, RGB or RGBA.

        Raises:
            RequestError: it is none, a damaged or too large one, or its archive does not give it.
        """
        if self.problem:
            raise RequestError(self.problem)
        limit = settings().max_megapixels * 10**6
        if self.entry is None:
            return images.read(self.source, limit)
        content = _unpacked(self.source, self.entry)
        if content.startswith(ARCHIVES):
            raise RequestError("This is an archive inside an archive, which is not opened; put its pictures beside it.")
        return images.read(io.BytesIO(content), limit)


def gather(files: Iterable[tuple[str, Path]]) -> list[Item]:
    """What there is in ``files``, each a name and where it lies. ZIPs are known by their content, not by their name.

    Raises:
        RequestError: there are no files, or more than a request may have.
    """
    items: list[Item] = []
    most = settings().max_count
    for name, path in files:
        items += _of_archive(name, path) if _is_archive(path) else [Item(name, path)]
        if len(items) > most:
            raise RequestError(f"A batch may have at most {most} pictures; this one has more.")
    if not items:
        raise RequestError("There is no picture in this batch: give picture files, or a ZIP of them.")
    return items


def safe_names(names: Iterable[str]) -> list[str]:
    """For each name one for a PNG that no system stumbles over: relative, within its folder, and there once.

    Folders stay, letters of all alphabets too. What leads out of a folder, or is no part of a name anywhere, goes.
    """
    taken: set[str] = set()
    return [_once(_safe(name), taken) for name in names]


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in ARCHIVES[:2]


def _of_archive(name: str, path: Path) -> Iterator[Item]:
    entries, problem = _entries(path)
    if problem:
        yield Item(name, path, problem=problem)
    for entry in entries:
        item = Item(entry.filename, path, entry)
        if entry.flag_bits & 1:
            item = replace(item, problem="It is encrypted; take the password off the ZIP.")
        elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Others are unpacked in steps without a bound: four kilobytes of bzip2 can become gigabytes.
            item = replace(item, problem="It is packed in an uncommon way; make an ordinary ZIP.")
        elif entry.file_size > PICTURE_MB * 1e6:
            item = replace(item, problem=f"It is too large: a picture file may have at most {PICTURE_MB} MB.")
        yield item


def _entries(path: Path) -> tuple[list[zipfile.ZipInfo], str]:
    """The files in a ZIP that somebody put there, and what is wrong with it as a whole."""
    most = settings().max_count
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at, count = content.find(ENTRY), 0
            while at >= 0:
                at, count = content.find(ENTRY, at + 4), count + 1
                if count > 4 * most:  # folders and what systems hide in ZIPs count, too
                    return [], f"This ZIP has far too many entries; a batch may have at most {most} pictures."
        with zipfile.ZipFile(path) as archive:
            listed = [entry for entry in archive.infolist() if not entry.is_dir()]
    except Exception:  # damaged archives make zipfile raise anything, from BadZipFile to struct.error
        return [], "This ZIP is damaged and cannot be opened; make it anew."
    entries = [entry for entry in listed if not _is_hidden(entry.filename)]
    total = sum(entry.file_size for entry in entries)
    if total > UNPACKED_MB * 1e6:
        return [], f"This ZIP would unpack to {total / 1e6:.0f} MB; at most {UNPACKED_MB} MB are taken."
    return entries, "" if entries else "There is nothing in this ZIP."


def _is_hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not parts or parts[-1].startswith(".") or any(part in NEVER_SHOWN for part in parts)


def _unpacked(path: Path, entry: zipfile.ZipInfo) -> bytes:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(entry) as file:
            return file.read(int(PICTURE_MB * 1e6) + 1)  # never more than the entry's own size, whatever follows
    except Exception:  # see above
        raise RequestError("It is damaged inside the ZIP; make the ZIP anew.") from None


def _safe(name: str) -> PurePosixPath:
    parts = [_part(part) for part in re.split(r"[/\\]", name)]
    *folders, last = [part for part in parts if part] or ["picture"]
    stem = last.rpartition(".")[0] or last
    return PurePosixPath(*folders[-8:], f"{_part(stem) or 'picture'}.png")


def _part(part: str) -> str:
    """One part of a name: no control characters, nothing that Windows forbids, no dots or spaces at its ends."""
    kept = "".join("_" if each in '<>:"|?*' else each for each in part if each.isprintable())
    kept = kept.strip(". ")[:NAME].strip(". ")
    return f"_{kept}" if RESERVED.fullmatch(kept) else kept


def _once(name: PurePosixPath, taken: set[str]) -> str:
    """``name`` if nobody has it yet, else with a number. Some systems do not tell ``A`` from ``a``."""
    one, number = name, 1
    while str(one).casefold() in taken:
        number += 1
        one = name.with_stem(f"{name.stem}-{number}")
    taken.add(str(one).casefold())
    return str(one)

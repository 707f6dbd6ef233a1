"""A bundle as one ZIP, made while it is sent: the same bytes every time, in little memory, and no file on the disk.

Graphs do not shrink, so nothing is deflated; every entry has the same date. What the manifest does not list is not in
it, and each file is hashed on its way out: one that is not what the manifest says breaks the download off.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from hub import files, weights
from hub.contract import MANIFEST, Bundle, File, VariantName, parse_bundle
from hub.errors import BundleError

CHUNK = 1 << 20


def check(bundle: Bundle, folder: Path, variant: VariantName | None = None) -> bytes:
    """See that every file of ``variant`` (of all variants unless given) is there and as it should be, so that what
    follows can be promised; returns the manifest as it lies on the disk.

    Raises:
        BundleError: a file is missing or damaged, or the bundle is another one by now.
    """
    for file in bundle.all_files(variant):
        weights.verify_file(folder, bundle, file)
    try:
        manifest = (folder / MANIFEST).read_bytes()
        same = parse_bundle(manifest.decode()) == bundle
    except (OSError, ValueError):
        same = False
    if not same:
        raise BundleError(f"The bundle '{bundle.id}' has changed since the hub was started; start it again.")
    return manifest


def stream(bundle: Bundle, folder: Path, manifest: bytes, variant: VariantName | None = None) -> Iterator[bytes]:
    """The ZIP in pieces of about a megabyte: one folder called after the bundle, with ``manifest`` and the files.

    With ``variant``, only that one's graphs are in it; it is a bundle all the same.

    Raises:
        BundleError: a file changed while it was being sent.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(bundle, MANIFEST, len(manifest)), manifest)
        for file in sorted(bundle.all_files(variant), key=lambda file: file.path):
            with archive.open(_entry(bundle, file.path, file.bytes), "w") as entry:
                for piece in _verified(bundle, folder, file):
                    entry.write(piece)
                    yield sink.drain()
    yield sink.drain()


def _entry(bundle: Bundle, path: str, size: int) -> zipfile.ZipInfo:
    entry = files.zip_entry(f"{bundle.id}/{path}")
    entry.file_size = size
    return entry


def _verified(bundle: Bundle, folder: Path, file: File) -> Iterator[bytes]:
    digest = hashlib.sha256()
    try:
        with (folder / file.path).open("rb") as stream:
            while piece := stream.read(CHUNK):
                digest.update(piece)
                yield piece
    except OSError as error:
        raise BundleError(f"The bundle '{bundle.id}' cannot be read: {file.path}: {error.strerror}.") from None
    if digest.hexdigest() != file.sha256:
        raise BundleError(f"The bundle '{bundle.id}' changed while it was sent: {file.path} is another file by now.")


class _Sink(io.RawIOBase):
    """Takes what the archive writes and gives it away: a file that cannot seek, so nothing is kept."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece) -> int:  # type: ignore[no-untyped-def]  # any buffer
        self._pieces.append(bytes(piece))
        return len(piece)

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)

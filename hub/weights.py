"""A bundle on disk, and nothing in it that its manifest does not vouch for."""

import hashlib
import mmap
from pathlib import Path

from hub.contract import MANIFEST, Bundle, File, VariantName
from hub.errors import BundleError


def verify(folder: Path, bundle: Bundle, variant: VariantName) -> None:
    """Check size and sha256 of every graph of ``variant``, before any of them is opened.

    Raises:
        BundleError: a file is missing, is a link that leads out of the folder, has other content, or names weights in
            a file of its own.
    """
    for file in bundle.variants[variant].files.values():
        path = verify_file(folder, bundle, file)
        if _keeps_weights_elsewhere(path):
            raise BundleError(f"The bundle '{bundle.id}' is refused: {file.path} keeps weights in another file.")


def verify_file(folder: Path, bundle: Bundle, file: File) -> Path:
    """The path of one file of the bundle, once its content is known to be what the manifest says."""
    path = folder / file.path
    if not path.is_file():
        raise BundleError(f"The bundle '{bundle.id}' is incomplete: {file.path} is missing from {folder}.")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BundleError(f"The bundle '{bundle.id}' is refused: {file.path} links out of its folder.")
    size = path.stat().st_size
    if size != file.bytes:
        raise BundleError(f"The bundle '{bundle.id}' is damaged: {file.path} has {size} bytes instead of {file.bytes}.")
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"The bundle '{bundle.id}' cannot be read: {file.path}: {error.strerror}.") from None
    if digest != file.sha256:
        raise BundleError(f"The bundle '{bundle.id}' is damaged: {file.path} does not match its sha256.")
    return path


def _keeps_weights_elsewhere(graph: Path) -> bool:
    """Whether an ONNX file has external data, which no hash of the manifest would cover.

    Such a tensor carries a ``StringStringEntryProto`` whose key (field 1, 8 bytes) is ``location``.
    """
    if graph.stat().st_size == 0:  # nothing to map; onnxruntime will say so
        return False
    with graph.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"\x0a\x08location") >= 0


def fingerprint(folder: Path) -> str:
    """The sha256 of the manifest: it names every file's hash, so it stands for the whole bundle."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()

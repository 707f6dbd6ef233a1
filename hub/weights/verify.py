"""A bundle on disk, and nothing in it that its manifest does not vouch for."""

import hashlib
from pathlib import Path

from hub.contract import MANIFEST, Bundle, File, VariantName
from hub.errors import BundleError
from hub.settings import settings
from hub.weights.graphs import check_graph


def verify(folder: Path, bundle: Bundle, variant: VariantName) -> None:
    """Check every graph of ``variant`` before any of them is opened: its size, its sha256, and what it holds.

    Raises:
        BundleError: a file is missing, is a link that leads out of the folder, has other content, is larger than this
            hub takes, names weights in a file of its own, or uses operators of a custom domain.
    """
    check_size(bundle, variant)
    for file in bundle.variants[variant].files.values():
        check_graph(verify_file(folder, bundle, file), file.path, bundle.id)


def check_size(bundle: Bundle, variant: VariantName) -> None:
    """Refuse by the manifest alone what is too large to open, or to fetch.

    Raises:
        BundleError: the variant, with everything beside it, is over ``GENHUB_MAX_BUNDLE_MB``.
    """
    size, limit = sum(file.bytes for file in bundle.all_files(variant)) / 1e6, settings().max_bundle_mb
    if size > limit:
        raise BundleError(
            f"The bundle '{bundle.id}' is refused: it has {size:,.0f} MB, this hub takes {limit:,} "
            "(GENHUB_MAX_BUNDLE_MB)."
        )


def verify_file(folder: Path, bundle: Bundle, file: File) -> Path:
    """The path of one file of the bundle, once its content is known to be what the manifest says."""
    path = folder / file.path
    if not path.is_file():
        raise BundleError(f"The bundle '{bundle.id}' is incomplete: {file.path} is missing from {folder}.")
    if not path.resolve().is_relative_to(_fence(folder)):
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


def _fence(folder: Path) -> Path:
    """What a link of the bundle in ``folder`` may not lead out of: the folder itself, or the cache that it lies in.

    The Hub's client keeps content once, under ``blobs``, and links it into ``models--owner--name/snapshots/<commit>``.
    """
    inside = folder.resolve()
    repository = inside.parent.parent
    if inside.parent.name == "snapshots" and repository.name.startswith("models--"):
        return repository.parent
    return inside


def fingerprint(folder: Path) -> str:
    """The sha256 of the manifest: it names every file's hash, so it stands for the whole bundle."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()

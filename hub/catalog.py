"""Which models there are and where each bundle lies: ``catalog.toml`` read as data, plus folders of one's own."""

import contextlib
import reprlib
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hub.contract import MANIFEST, Bundle, read_bundle
from hub.errors import UnknownModelError

EMBEDDED = Path(__file__).parent / "bundles"


@dataclass(frozen=True)
class Located:
    """A bundle found: its manifest, its folder, and in a word where it came from."""

    bundle: Bundle
    folder: Path
    source: str


@cache
def catalog_ids() -> tuple[str, ...]:
    """The ids of ``catalog.toml``, in its order."""
    return tuple(tomllib.loads((Path(__file__).parent / "catalog.toml").read_text(encoding="utf-8")))


def locate(name: str | Path) -> Located:
    """The bundle called ``name``: a catalog id, or the path of a bundle's folder.

    Raises:
        UnknownModelError: neither an id of the catalog nor a folder.
        BundleError: its manifest is missing or breaks the contract.
    """
    if str(name) in catalog_ids():
        folder = EMBEDDED / str(name)
        return Located(read_bundle(folder), folder, "embedded")
    with contextlib.suppress(OSError, RuntimeError):  # a name too long for a path, the home of nobody
        folder = Path(name).expanduser()
        if folder.is_dir():
            return Located(read_bundle(folder), folder, "folder")
    raise UnknownModelError(
        f"There is no model {reprlib.repr(str(name))}: "
        f"give one of {', '.join(catalog_ids())}, or a folder that holds a {MANIFEST}."
    )

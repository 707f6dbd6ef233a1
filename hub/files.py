"""Files that are whole or not there: written under a temporary name, then renamed. ZIPs that are always the same."""

import contextlib
import os
import tempfile
import zipfile
from pathlib import Path

from hub.errors import RequestError

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The first date that a ZIP can hold."""


def write(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, replacing what was there only once all of it is on disk.

    Raises:
        RequestError: the folder is missing or not writable, or the disk is full. Nothing is left behind.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise RequestError(f"{path} cannot be written: {error.strerror or error}.") from None


def zip_entry(name: str) -> zipfile.ZipInfo:
    """A file called ``name`` in a ZIP, stored: the same whenever it is made, and on every system."""
    entry = zipfile.ZipInfo(name, LONG_AGO)
    entry.create_system = 3  # Unix
    entry.external_attr = 0o100644 << 16
    return entry


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

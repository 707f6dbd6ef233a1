"""A folder that appears whole or not at all.

It is filled beside its final place, brought to the disk, and only then renamed. Where anything fails, a full disk
included, nothing is left of it, and what stood in its place before still stands there.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.errors import HubError, RequestError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def appearing(target: Path, refusal: type[HubError] = RequestError) -> Iterator[Path]:
    """A folder to fill that becomes ``target`` when the block succeeds, and vanishes when it fails.

    Raises:
        RequestError: it cannot be written, or the disk is full; or ``refusal``, where that is given.
    """
    target = target.absolute()
    made_parents = [parent for parent in (target.parent, *target.parent.parents) if not parent.exists()]
    staging: Path | None = None
    done = False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
        yield staging
        staging.chmod(0o755)  # mkdtemp's own folders are for one user
        _sync(staging)
        _swap(staging, target)
        done = True
    except OSError as error:
        if error.errno in DISK_FULL:
            raise refusal(
                f"The disk is full: no bundle was written to {target}; free some space and try again."
            ) from error
        raise refusal(f"The bundle could not be written to {target}: {error.strerror or error}.") from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        if not done:
            for parent in made_parents:
                _remove_if_empty(parent)


def _swap(staging: Path, target: Path) -> None:
    """Put ``staging`` in the place of ``target``; the old one goes only once the new one stands."""
    old: Path | None = None
    if target.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent)) / "bundle"
        target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        if old is not None:
            old.rename(target)
            old.parent.rmdir()
        raise
    _sync_one(target.parent)
    if old is not None:
        shutil.rmtree(old.parent, ignore_errors=True)


def _sync(folder: Path) -> None:
    """To the disk, files before the folders that name them: a rename must not overtake what it renames."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync_one(path)
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # Windows cannot open a folder
        return
    # Windows brings only files to the disk that are open for writing.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return

"""Where pictures, downloads and uploads lie while somebody looks at them: a folder of the hub's own.

Gradio has one folder for all that run on a machine, and whichever ends deletes its files there, the same ones that
another shows. Of what nobody has asked for in an hour it leaves the folders, one for each picture, and what it was not
shown itself: they are swept away later, and all the rest when the hub ends.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

KEPT = 3600
"""Seconds for which nobody has asked for a file: then Gradio deletes it."""
GRADIOS = "GRADIO_TEMP_DIR"
"""The environment variable that Gradio finds its folder by. Where it is set, ours is inside."""


@contextlib.asynccontextmanager
async def scratch() -> AsyncIterator[None]:
    """Gradio, imported or started inside, keeps its files in a new folder, which is swept, and gone in the end.

    Raises:
        OSError: no folder can be made.
    """
    given = os.environ.get(GRADIOS)
    if given:
        Path(given).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="genhub-", dir=given, ignore_cleanup_errors=True) as made:
        folder = Path(made).resolve()
        os.environ[GRADIOS] = str(folder)
        sweeping = asyncio.create_task(_sweep_now_and_then(folder))
        try:
            yield
        finally:
            sweeping.cancel()
            if given:
                os.environ[GRADIOS] = given
            else:
                del os.environ[GRADIOS]


async def _sweep_now_and_then(folder: Path) -> None:
    while True:
        await asyncio.sleep(KEPT)
        await asyncio.to_thread(sweep, folder, time.time() - 2 * KEPT)


def sweep(folder: Path, since: float) -> None:
    """Remove from ``folder`` all files, and folders with what is in them, older than ``since`` (seconds, Unix time)."""
    for each in list(folder.iterdir()):
        with contextlib.suppress(OSError):  # gone meanwhile, or a system that keeps what is being read
            if max(path.stat().st_mtime for path in (each, *each.rglob("*"))) >= since:
                continue
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()

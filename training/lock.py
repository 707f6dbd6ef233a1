"""One process per run folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError


@contextmanager
def run_lock(run: Path) -> Iterator[None]:
    """Hold `RUN/.lock` for the life of the block. The kernel lets go of it when the process dies, however it dies.

    Raises TrainingError if another process holds it.
    """
    run.mkdir(parents=True, exist_ok=True)
    with (run / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise TrainingError(
                f"Another process (id {holder}) is training into {run}; wait for it, or choose another --out."
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield

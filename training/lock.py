"""One training per run folder: one process, or the several of one launch."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError


def is_first_process() -> bool:
    """Whether this is the only process of a training, or the first of a launch, by the number its launcher gave it."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def run_lock(run: Path) -> Iterator[None]:
    """Hold `RUN/.lock` for the life of the block. The kernel lets go of it when the process dies, however it dies.

    Of several processes that a launcher started (`torchrun`), the first holds it for all.

    Raises TrainingError if another process holds it.
    """
    if not is_first_process():
        yield
        return
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

"""The real command line, in processes of its own, forked from one that has imported torch (`tests.forking`)."""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from hub.cli import dispatch
from tests.forking import Forked

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "tests" / "data" / "fashion_tiny.parquet"


class Command(Forked):
    """`genhub train|data ...`, started, on one thread: two of them run side by side on two cores."""

    def __init__(self, arguments: list[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._output, self._errors = (Path(self._folder.name) / name for name in ("output", "errors"))
        super().__init__(_run, arguments, self._output, self._errors)

    def finish(self, timeout: float = 120) -> tuple[int, str, str]:
        """Wait for it: exit code, stdout, stderr."""
        return self.wait(timeout), self._output.read_text(encoding="utf-8"), self._errors.read_text(encoding="utf-8")


def start(*arguments: str | Path) -> Command:
    """Start `genhub train|data ...` in the repository."""
    return Command(list(map(str, arguments)))


def _run(arguments: list[str], output: Path, errors: Path) -> None:
    for stream, path in enumerate((output, errors), start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.chdir(REPOSITORY)
    torch.set_num_threads(1)
    sys.exit(dispatch(arguments))


def wait_until(condition: Callable[[], bool], process: Command, timeout: float = 120) -> None:
    """Poll until `condition` holds; fail with the process's words if it ends before."""
    deadline = time.monotonic() + timeout
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"the process ended too early: {process.finish()}")
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)

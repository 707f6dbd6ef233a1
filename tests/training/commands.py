"""The real command line, in processes of its own.

They are forked from one that has imported torch already: that import is a third of what a smoke run takes.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import torch

from hub.cli import dispatch

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "tests" / "data" / "fashion_tiny.parquet"

FORKING = get_context("forkserver")
FORKING.set_forkserver_preload([__name__, "training.cli", "torch._dynamo"])  # the last comes with a first optimizer


class Command:
    """`genhub train|data ...`, started, on one thread: two of them run side by side on two cores."""

    def __init__(self, arguments: list[str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._output, self._errors = (Path(self._folder.name) / name for name in ("output", "errors"))
        self._process = FORKING.Process(target=_run, args=(arguments, self._output, self._errors))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code; None while it runs, minus the signal that killed it."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def finish(self, timeout: float = 120) -> tuple[int, str, str]:
        """Wait for it: exit code, stdout, stderr."""
        self._process.join(timeout)
        code = self.poll()
        assert code is not None, f"still running after {timeout} s"
        return code, self._output.read_text(encoding="utf-8"), self._errors.read_text(encoding="utf-8")


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

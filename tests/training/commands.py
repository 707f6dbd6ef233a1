"""The real command line, in processes of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
TINY = REPOSITORY / "tests" / "data" / "fashion_tiny.parquet"


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start `genhub train|data ...` on one thread: two of them run side by side on two cores."""
    command = [sys.executable, "-m", "training.cli", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str], timeout: float = 120) -> tuple[int, str, str]:
    """Wait for it: exit code, stdout, stderr."""
    output, errors = process.communicate(timeout=timeout)
    return process.returncode, output, errors


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], timeout: float = 120) -> None:
    """Poll until `condition` holds; fail with the process's words if it ends before."""
    deadline = time.monotonic() + timeout
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"the process ended too early: {finish(process)}")
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)

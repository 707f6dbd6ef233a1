"""Processes forked from one that has imported torch and Gradio already, which is most of what a start costs."""

import os
import signal
import subprocess
from collections.abc import Callable
from multiprocessing import get_context

FORKING = get_context("forkserver")
FORKING.set_forkserver_preload(
    # The second comes with a first optimizer, the last two with a first visitor.
    ["training.cli", "torch._dynamo", "hub.server", "hub.app", "gradio.routes"]
)


class Forked:
    """A function in a process of its own, which ends as `subprocess.Popen` would."""

    def __init__(self, target: Callable[..., object], *arguments: object) -> None:
        self._process = FORKING.Process(target=target, args=arguments)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code; None while it runs, minus the signal that killed it."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises TimeoutExpired."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout or 0)
        return code

"""A hub in a process of its own, on a port of its own: as a user runs it.

Most are forked from a process that has imported Gradio already (``tests.forking``), as the tests start some forty.
``started`` is a new Python; so is a hub that is to find another Hub, whose address the client reads when imported.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path

from gradio_client import Client
from gradio_client.exceptions import AppError

from hub.cli import dispatch
from tests.forking import Forked

Process = subprocess.Popen[bytes] | Forked


@dataclass
class RunningHub:
    url: str
    process: Process


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def status(url: str) -> int:
    """The HTTP status of ``url``; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            code: int = answer.status
            return code
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def call_raw(url: str, endpoint: str, *data: object) -> str:
    """What the hub at ``url`` streams for a call without a client in between, which would put bad data right."""
    call = f"{url}/gradio_api/call/{endpoint}"
    body = json.dumps({"data": data}).encode()
    request = urllib.request.Request(call, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{call}/{event}", timeout=30) as answer:
        said: str = answer.read().decode()
        return said


def benchmark_under_way(pool: Executor, client: Client, other: Client) -> tuple["Future[object]", AppError]:
    """A long benchmark of ``client``, once it has begun, and what ``other`` was told who wanted one meanwhile."""
    while True:  # whoever comes second is refused, and that may be ``client``
        begun = pool.submit(client.predict, "vae-fashion", 100, api_name="/benchmark")
        while not begun.done():
            try:
                other.predict("vae-fashion", 1, api_name="/benchmark")
            except AppError as refused:
                return begun, refused


def wait_for(url: str, process: Process, seconds: float = 120) -> None:
    """Return once ``url`` answers 200; fail at once where the process has ended."""
    deadline = time.monotonic() + seconds
    while status(url) != 200:
        assert process.poll() is None, f"the hub ended with status {process.poll()}"
        assert time.monotonic() < deadline, f"{url} did not answer within {seconds} s"
        time.sleep(0.05)


@contextlib.contextmanager
def started(*arguments: str, cwd: Path | None = None, **environment: str) -> Iterator[RunningHub]:
    """``genhub serve`` in the folder ``cwd``, by a new Python; started but perhaps not ready. Ended with Ctrl-C."""
    port = free_port()
    command = [sys.executable, "-m", "hub.cli", "serve", "--port", str(port), *arguments]
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **environment}, stdout=silent, stderr=silent)
    with _ended(process):
        yield RunningHub(f"http://127.0.0.1:{port}", process)


@contextlib.contextmanager
def serving(*arguments: str, cwd: Path | None = None, **environment: str) -> Iterator[RunningHub]:
    """``genhub serve``, ready."""
    if cwd is not None or "HF_ENDPOINT" in os.environ:
        with started(*arguments, cwd=cwd, **environment) as hub:
            wait_for(f"{hub.url}/readyz", hub.process)
            yield hub
        return
    port = free_port()
    process = Forked(_serve, ["serve", "--port", str(port), *arguments], {**os.environ, **environment})
    with _ended(process):
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/readyz", process)
        yield RunningHub(url, process)


def _serve(arguments: list[str], environment: dict[str, str]) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silent, stream)
    os.environ.clear()
    os.environ.update(environment)
    sys.exit(dispatch(arguments))


@contextlib.contextmanager
def _ended(process: Process) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

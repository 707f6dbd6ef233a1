"""A hub in a process of its own, on a port of its own: as a user runs it."""

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


@dataclass
class RunningHub:
    url: str
    process: subprocess.Popen[str]


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


def wait_for(url: str, process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Return once ``url`` answers 200; fail at once where the process has ended."""
    deadline = time.monotonic() + seconds
    while status(url) != 200:
        assert process.poll() is None, f"the hub ended with status {process.returncode}"
        assert time.monotonic() < deadline, f"{url} did not answer within {seconds} s"
        time.sleep(0.05)


@contextlib.contextmanager
def started(*arguments: str, cwd: Path | None = None, **environment: str) -> Iterator[RunningHub]:
    """``genhub serve`` in the folder ``cwd``, started but perhaps not ready; ended with Ctrl-C."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "hub.cli", "serve", "--port", str(port), *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield RunningHub(f"http://127.0.0.1:{port}", process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def serving(*arguments: str, cwd: Path | None = None, **environment: str) -> Iterator[RunningHub]:
    """``genhub serve``, ready."""
    with started(*arguments, cwd=cwd, **environment) as hub:
        wait_for(f"{hub.url}/readyz", hub.process)
        yield hub

"""What a visitor costs a hub, beside the same hub with sessions as Gradio keeps them.

    python -m tests.bench.visitors [--visitors 240]

Each visitor is new and draws the same 16 pictures once, over the API. Prints kB of resident memory that the server grew
by for each, after the first 30, and the median ms of an answer; both hubs answer in turns, as the machine may be busy.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.serving import RunningHub, call_raw, free_port, wait_for

WARM_UP = 30
HUBS = {
    "hub": "",
    "Gradio's sessions": "from hub import app; app.Sessions = lambda pages: pages.state_holder; ",
}


@contextlib.contextmanager
def served(before: str) -> Iterator[RunningHub]:
    """A hub of one model in a Python that has run ``before``."""
    port = free_port()
    start = f"{before}from hub.cli import dispatch; dispatch(['serve', '--models', 'gan-fashion', '--port', '{port}'])"
    process = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        hub = RunningHub(f"http://127.0.0.1:{port}", process)
        wait_for(f"{hub.url}/readyz", process)
        yield hub
    finally:
        process.terminate()
        process.wait()


def memory(process: int) -> int:
    """Resident, in kB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def visit(hub: RunningHub) -> float:
    """Seconds until a new visitor has pictures."""
    begun = time.perf_counter()
    said = call_raw(hub.url, "sample", "gan-fashion", 16, 0, 1.0, "")
    assert "complete" in said, said
    return time.perf_counter() - begun


def main() -> None:
    """Serve, visit, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=240)
    count = parser.parse_args().visitors
    with contextlib.ExitStack() as running:
        hubs = {name: running.enter_context(served(before)) for name, before in HUBS.items()}
        for hub in hubs.values():
            for _ in range(WARM_UP):
                visit(hub)
        began = {name: memory(hub.process.pid) for name, hub in hubs.items()}
        took: dict[str, list[float]] = {name: [] for name in hubs}
        for _ in range(count):
            for name, hub in hubs.items():
                took[name].append(visit(hub))
        for name, hub in hubs.items():
            grown = (memory(hub.process.pid) - began[name]) / count
            print(f"{name}: {grown:.0f} kB a visitor, {1000 * statistics.median(took[name]):.0f} ms an answer")


if __name__ == "__main__":
    main()

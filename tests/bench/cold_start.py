"""How soon the first picture is on screen, and what idling costs, beside a plain Gradio + PyTorch app.

    python -m tests.bench.cold_start [--runs 5]

The peer (``plain_app.py``) is what most people would write: import torch, load the same weights, sample when the page
loads. Both are started afresh in turns, both are looked at by the same real browser with an empty cache, and the clock
runs from the start of the process until a picture has been decoded on the page. Memory is the resident set of the whole
process tree, five seconds after that. Report the ratios: the machine may be busy, but it is busy for both.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.serving import free_port, status

ROOT = Path(__file__).parents[2]
PICTURE = (
    "() => [...document.querySelectorAll('#pictures img')].some(image => image.complete && image.naturalWidth > 0)"
)
BUNDLE = ROOT / "hub" / "bundles" / "vae-fashion"
APPS: dict[str, tuple[list[str], str]] = {
    "hub": (["make", "--silent", "run", "ARGS=--port {port}"], "#sample"),
    "plain": ([sys.executable, "-m", "tests.bench.plain_app", "{port}", "{network}"], "button"),
}


def torchscript(path: Path) -> None:
    """Write prior and decoder of the shipped bundle, with its weights, as one TorchScript network: noise -> image."""
    import torch
    from safetensors.torch import load_file
    from torch import nn

    from training.families.vae import Config, Decoder
    from training.nets.flow import Flow

    config = Config(**json.loads((BUNDLE / "config.json").read_text())["config"])
    network = nn.Sequential(
        OrderedDict(
            prior=Flow(config.latent_dim, config.prior_layers, config.prior_width),
            decoder=Decoder(config),
        )
    )
    weights = load_file(BUNDLE / "model.safetensors")
    network.load_state_dict({name: weights[name].float() for name in network.state_dict()})
    network.eval()
    torch.jit.trace(network, torch.zeros(2, config.latent_dim)).save(path)


def measure(command: Sequence[str], button: str, network: Path, browser: Browser) -> dict[str, float]:
    """Seconds to the first picture and to a page that can be used, and idle megabytes, of one fresh start."""
    port = free_port()
    start = time.perf_counter()
    process = subprocess.Popen(
        [part.format(port=port, network=network) for part in command],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        while status(url) != 200:
            time.sleep(0.02)
        page = browser.new_context().new_page()
        page.goto(url, wait_until="commit")
        page.wait_for_function(PICTURE, timeout=120_000)
        first = time.perf_counter() - start
        page.wait_for_selector(button, timeout=120_000)
        page.wait_for_function(PICTURE, timeout=120_000)
        usable = time.perf_counter() - start
        time.sleep(5)
        idle = sum(map(resident_mb, tree(process.pid)))
        page.context.close()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return {"first picture, s": first, "usable page, s": usable, "idle memory, MB": idle}


def tree(pid: int) -> list[int]:
    """``pid`` and all its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in tree(int(child)))]


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in APPS}
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        network = Path(temporary) / "network.pt"
        torchscript(network)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for run in range(runs + 1):
            for name, (command, button) in APPS.items():
                measured = measure(command, button, network, browser)
                if run > 0:  # the first start of each warms the disk cache: we promise the second
                    seen[name].append(measured)
        browser.close()
    table = {}
    for what in seen["hub"][0]:
        hub, plain = (statistics.median(each[what] for each in seen[name]) for name in ("hub", "plain"))
        table[what] = {"hub": round(hub, 2), "plain": round(plain, 2), "ratio": round(hub / plain, 3)}
    print(json.dumps({"runs": runs, "medians": table}, indent=2))


if __name__ == "__main__":
    main()

"""Our VAE against pythae's on Fashion-MNIST: the same images, the same minutes, one CPU thread each, the same judge.

    python -m tests.bench.vae_vs_pythae --minutes 25 --out runs/vae-vs-pythae.json

Both train at the same time, so that whatever else the machine does hits both alike. Ours runs as a user runs it
(`genhub train vae --preset cpu`), pythae 0.1.2 with the nets, batch size and learning rate of its own MNIST benchmark.
Then one evaluator looks at both: Fréchet distance of 10,000 samples to the 10,000 test images, and PSNR of their
reconstructions. Each side samples twice: from a standard normal, and from its prior fitted to the latents (our flow,
whose training is inside our budget; pythae's Gaussian mixture, whose fit is not counted against it). pythae lives in a
throwaway environment.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tests.bench.environment import ONE_THREAD, make_environment
from training.atomic import write_json
from training.checkpoint import latest_checkpoint, load_run, read_run_info
from training.data.build import build, parquet_path
from training.data.dataset import ImageData, read_parquet
from training.family import load_family
from training.features import FASHION_SIZE, fashion_card, fashion_features
from training.metrics import frechet_distance, psnr

PYTHAE = "pythae==0.1.2"
SAMPLES = 10_000
REPOSITORY = Path(__file__).parents[2]


def train_both(python: Path, folder: Path, minutes: float, nets: str, latent_dim: int) -> None:
    """Train both at once, one process and one thread each. Their output goes to `ours.log` and `peer.log`."""
    commands = {
        "ours": [
            *[sys.executable, "-m", "hub.cli", "train", "vae", "--preset", "cpu", "--data", "fashion"],
            *["--max-minutes", str(minutes), "--out", str(folder / "ours")],
        ],
        "peer": [
            *[str(python), str(Path(__file__).with_name("pythae_vae.py")), str(folder), "--nets", nets],
            *["--latent-dim", str(latent_dim), "--minutes", str(minutes), "--samples", str(SAMPLES)],
        ],
    }
    running = {}
    for name, command in commands.items():
        with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
            running[name] = subprocess.Popen(
                command, cwd=REPOSITORY, env={**os.environ, **ONE_THREAD}, stdout=log, stderr=subprocess.STDOUT
            )
    try:
        while any(process.poll() is None for process in running.values()):
            if any(process.poll() for process in running.values()):
                break  # one has failed: the other's result would be worth nothing
            time.sleep(1)
    finally:
        for process in running.values():
            if process.poll() is None:
                process.terminate()
                process.wait()
    for name, process in running.items():
        if process.returncode != 0:
            tail = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise SystemExit(f"The run of {name} ended with exit code {process.returncode}:\n{tail}")


@torch.no_grad()
def our_images(run: Path, data: ImageData) -> dict[str, NDArray[np.uint8]]:
    """Samples from plain noise, from the learned prior, and rebuilt test images: uint8 [N, 28, 28, 1]."""
    trainer = load_run(run, data)
    graphs = trainer.inference_modules()
    decoder, encoder, prior = graphs["decoder"], graphs["encoder"], graphs["prior"]
    dim: int = trainer.config.latent_dim  # type: ignore[attr-defined]
    noise = torch.randn(SAMPLES, dim, generator=torch.Generator().manual_seed(2021)).split(500)
    images = torch.from_numpy(data.test.images).permute(0, 3, 1, 2).split(500)
    made = {
        "normal": [decoder(part) for part in noise],
        "prior": [decoder(prior(part)) for part in noise],
        "reconstructions": [decoder(encoder(part.float() / 127.5 - 1)) for part in images],
    }
    inside = slice((data.image_size - FASHION_SIZE) // 2, (data.image_size + FASHION_SIZE) // 2)
    result: dict[str, NDArray[np.uint8]] = {}
    for name, parts in made.items():
        grey = ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).byte()
        result[name] = grey.permute(0, 2, 3, 1)[:, inside, inside].numpy()
    return result


def compare(folder: Path, data: ImageData, padded: ImageData) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Rows of the table, and what the two runs were. `data`: 28x28, what both are measured on; `padded`: our size."""
    real = fashion_features(data.test.images)
    peer: dict[str, Any] = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
    ours = read_run_info(latest_checkpoint(folder / "ours"))

    def row(model: str, sampling: str, samples: NDArray[np.uint8], rebuilt: NDArray[np.uint8]) -> dict[str, Any]:
        distance = frechet_distance(fashion_features(samples), real)
        return {
            "model": model,
            "sampling": sampling,
            "frechet_distance": round(distance, 3),
            "reconstruction_psnr": round(psnr(rebuilt, data.test.images), 3),
        }

    made = our_images(folder / "ours", padded)
    rows = [
        row("generative-hub vae", "learned prior (flow)", made["prior"], made["reconstructions"]),
        row("generative-hub vae", "standard normal", made["normal"], made["reconstructions"]),
    ]
    for state in peer["states"]:
        with np.load(folder / f"{state}.npz") as archive:
            rebuilt = archive["reconstructions"]
            rows += [
                row(f"pythae VAE, {state} state", "Gaussian mixture", archive["mixture"], rebuilt),
                row(f"pythae VAE, {state} state", "standard normal", archive["normal"], rebuilt),
            ]
    floor = frechet_distance(fashion_features(data.train.images[:SAMPLES]), real)
    rows.append({"model": "real training images", "sampling": "the floor", "frechet_distance": round(floor, 3)})
    config = ours.config
    runs = {
        "ours": {
            **{name: config[name] for name in ("latent_dim", "batch_size", "learning_rate", "precision", "image_size")},
            "steps": ours.step,
            "epochs": round(ours.images_seen / len(data.train), 2),
            "seconds": round(ours.elapsed_seconds, 1),
            "parameters": sum(
                parameter.numel()
                for graph in load_run(folder / "ours", padded).inference_modules().values()
                for parameter in graph.parameters()
            ),
            "git_commit": ours.git_commit,
        },
        "pythae": peer,
    }
    return rows, runs


def print_table(rows: list[dict[str, Any]]) -> None:
    """Plain text, one line a row."""
    print(f"{'model':<28}{'sampling':<24}{'Fréchet distance':>18}{'PSNR (dB)':>12}")
    for row in rows:
        rebuilt = f"{row['reconstruction_psnr']:.2f}" if "reconstruction_psnr" in row else ""
        print(f"{row['model']:<28}{row['sampling']:<24}{row['frechet_distance']:>18.2f}{rebuilt:>12}")


def cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Make the environment, train both, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=25.0, help="wall-clock minutes of training for each side")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--nets", choices=["conv", "resnet"], default="resnet", help="which of pythae's MNIST nets")
    parser.add_argument("--keep", type=Path, help="empty folder in which runs and logs stay")
    arguments = parser.parse_args()

    build("fashion")
    config: Any = load_family("vae").PRESETS["cpu"]
    data = read_parquet(parquet_path("fashion"), FASHION_SIZE, 1)
    padded = read_parquet(parquet_path("fashion"), config.image_size, config.channels)
    with tempfile.TemporaryDirectory(prefix="vae-vs-pythae-") as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "images.npz", train=data.train.images, test=data.test.images)
        python = make_environment(Path(temporary) / "environment", PYTHAE)
        load_before = os.getloadavg()
        train_both(python, folder, arguments.minutes, arguments.nets, config.latent_dim)
        load_after = os.getloadavg()
        rows, runs = compare(folder, data, padded)
    settings = {
        "minutes": arguments.minutes,
        "threads_each": 1,
        "samples": SAMPLES,
        "data": f"{data.info.title} {data.info.version}, {len(data.train)} training and {len(data.test)} test images",
        "evaluator": fashion_card(),
        "cpu": cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "load_before": load_before,
        "load_after": load_after,
        "torch": metadata.version("torch"),
        "runs": runs,
    }
    write_json(arguments.out, {"settings": settings, "results": rows})
    print_table(rows)
    print(f"\n{arguments.minutes:g} minutes each, one thread each, on {settings['cpu']}. Details: {arguments.out}")


if __name__ == "__main__":
    main()

"""The README's walk-through: a folder of anybody's images -> train -> export -> in the hub, with no code touched."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from gradio_client import Client
from PIL import Image

from hub import open_model
from tests.serving import serving


def test_own_images_become_a_model_in_the_hub(tmp_path: Path) -> None:
    photos, run, bundle = tmp_path / "photos", tmp_path / "runs" / "mine", tmp_path / "mine"
    photos.mkdir()
    random = np.random.RandomState(0)
    for number in range(60):  # discs of every colour on every ground, in several sizes and modes
        size, mode = ((40, 40), (64, 48), (33, 57))[number % 3], ("RGB", "L", "P")[number % 3]
        y, x = np.mgrid[: size[1], : size[0]]
        disc = ((x - size[0] / 2) ** 2 + (y - size[1] / 2) ** 2 < random.uniform(8, 16) ** 2)[..., None]
        colours = random.randint(0, 256, (2, 3))
        pixels = np.where(disc, colours[0], colours[1]).astype(np.uint8)
        Image.fromarray(pixels).convert(mode).save(photos / f"{number:02d}.png")
    (photos / "notes.txt").write_text("not a picture")

    trained = _genhub("train", "vae", "--preset", "smoke", "--data", str(photos), "--channels", "3", "--out", str(run))
    assert trained.returncode == 0, trained.stdout + trained.stderr
    exported = _genhub("export", str(run), "--to", str(bundle), "--id", "mine")
    assert exported.returncode == 0, exported.stdout + exported.stderr

    pictures = open_model(bundle).sample(count=4, seed=1)
    assert pictures.shape == (4, 32, 32, 3)
    with serving("--models", f"{bundle},vae-fashion") as hub:
        client = Client(hub.url, verbose=False)
        assert len(client.predict("mine", 4, 1, 1.0, api_name="/sample")[0]) == 4
        assert len(client.predict("vae-fashion", 4, 1, 1.0, api_name="/sample")[0]) == 4


def _genhub(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hub.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240)

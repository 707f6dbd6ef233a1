"""The README's walk-through, its very lines: 200 pictures -> train -> export -> in the hub, with no code touched; and
from there to a Hub.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client
from huggingface_hub import ModelCard
from PIL import Image

from hub import open_model
from tests.e2e.conftest import Visit
from tests.hub_stand_in import TOKEN, HubStandIn
from tests.serving import serving

REPOSITORY = Path(__file__).parents[2]
COUNT = 200


def commands() -> list[list[str]]:
    """The lines of the walk-through, each split as a shell would."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Bring your own pictures")[1]
    block = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return [shlex.split(line, comments=True) for line in block[1].splitlines()]


def test_two_hundred_pictures_become_a_model_in_every_tab_and_on_a_hub(
    tmp_path: Path, visit: Visit, hub_stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    install, train, export, serve, publish = commands()
    assert install == ["pip", "install", ".[export]"]  # what this process runs in has it already
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert "export" in project["optional-dependencies"]

    assert train[:3] == ["genhub", "train", "vae"]
    make_pictures(tmp_path / train[train.index("--data") + 1])
    run(train, "--preset", "smoke", cwd=tmp_path)  # a second's budget in place of an hour's
    run(export, cwd=tmp_path)

    assert serve[:3] == ["genhub", "serve", "--models"]
    mine, also = serve[3].split(",")
    pictures = open_model(tmp_path / mine).sample(count=4, seed=1)
    assert pictures.shape == (4, 32, 32, 3)
    with serving(*serve[2:], cwd=tmp_path, GENHUB_CACHE=str(tmp_path / "cache")) as hub:
        client = Client(hub.url, verbose=False)
        assert len(client.predict("mine", 4, 1, 1.0, api_name="/sample")[0]) == 4
        assert len(client.predict(also, 4, 1, 1.0, api_name="/sample")[0]) == 4
        visit.page.goto(hub.url)
        assert len(set(visit.pictures())) == 16
        title = client.predict(api_name="/models")[0]["title"]
        assert visit.page.locator("#model input").input_value() == title
        visit.page.get_by_role("tab", name="Latent").click()
        visit.page.locator("#walk-film img").first.wait_for()
        visit.page.get_by_role("tab", name="Models").click()
        row = visit.page.locator("#models [data-model=mine]")
        row.get_by_role("button", name=title, exact=True).wait_for()
        assert "folder" in row.inner_text()
        assert visit.complaints == []

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert publish[:3] == ["genhub", "publish", mine]
    run(publish, cwd=tmp_path)
    repository = hub_stand_in.repos[publish[-1]]
    header: Any = ModelCard(repository.commits[repository.main]["README.md"].decode()).data
    assert (header.license, header.license_name) == ("other", "not-stated"), "a folder says nothing of its licence"
    assert str(tmp_path) not in repository.commits[repository.main]["bundle.json"].decode()
    assert (open_model(publish[-1]).sample(count=4, seed=1) == pictures).all()


def make_pictures(folder: Path) -> None:
    """Discs of every colour on every ground, in several sizes and modes, and a file that is no picture."""
    folder.mkdir(parents=True)
    random = np.random.RandomState(0)
    for number in range(COUNT):
        size, mode = ((40, 40), (64, 48), (33, 57))[number % 3], ("RGB", "L", "P")[number % 3]
        y, x = np.mgrid[: size[1], : size[0]]
        disc = ((x - size[0] / 2) ** 2 + (y - size[1] / 2) ** 2 < random.uniform(8, 16) ** 2)[..., None]
        colours = random.randint(0, 256, (2, 3))
        pixels = np.where(disc, colours[0], colours[1]).astype(np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"{number:03d}.png")
    (folder / "notes.txt").write_text("not a picture")


def run(command: list[str], *more: str, cwd: Path) -> None:
    """``genhub ...`` as this environment has it."""
    genhub = Path(sys.executable).parent / command[0]
    ran = subprocess.run([genhub, *command[1:], *more], cwd=cwd, capture_output=True, text=True, timeout=240)
    assert ran.returncode == 0, ran.stdout + ran.stderr

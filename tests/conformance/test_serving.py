"""Every bundle of the catalog: whole, small, the equal of PyTorch in a process without torch, and its tab answers."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from hub import weights
from hub.catalog import catalog_ids
from hub.runtime.session import available_providers
from tests.hub.tiny_translator import write_tiny_translator
from training.family import FAMILIES

MEGABYTES = {"clip": 30}
"""An embedded bundle's limit by task; 12 for all others."""

# One process calls `check` for all models of a kind: starting Gradio takes longer than most answers do.
EACH = """
import json, sys, traceback
for name in sys.argv[1:]:
    try:
        check(name)
        said = "well"
    except Exception:
        said = traceback.format_exc()
    print(json.dumps([name, said]), flush=True)
"""

# Runs where importing torch raises. Gates: one grey level in 0.1 % of the pixels, 1e-4 for float outputs; where a
# provider rounds otherwise (OpenVINO in half precision, CUDA) two grey levels.
REPRODUCE = """
import sys
sys.modules["torch"] = None
import numpy as np
from hub.contract import GOLDEN
from hub.runtime.engine import Engine
from hub.weights import verify_file

def check(name):
    model = next(iter(Engine([name]).models.values()))
    listed = next(file for file in model.bundle.files if file.path == GOLDEN)
    golden = np.load(verify_file(model.folder, model.bundle, listed), allow_pickle=False)
    exact = model.choice.provider == "cpu"
    assert model.bundle.graphs
    for name, graph in model.bundle.graphs.items():
        outputs = model.run(name, {port.name: golden[f"{name}/{port.name}"] for port in graph.inputs})
        for port in graph.outputs:
            wanted = golden[f"{name}/{port.name}"]
            off = np.abs(outputs[port.name].astype(np.float64) - wanted)
            if port.dtype == "uint8":
                assert off.max() <= (1 if exact else 2), (name, off.max())
                assert not exact or (off > 0).mean() <= 1e-3, (name, (off > 0).mean())
            else:
                assert off.max() <= (1e-4 if exact else 2e-2 * max(1.0, np.abs(wanted).max())), (name, off.max())
"""

HANDLER = """
import sys
class NoTorch:  # not None among the modules: SciPy would take that for torch
    def find_spec(name, *_):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, NoTorch)
from hub.quick_gradio import leave_stubs_alone
leave_stubs_alone()
from PIL import Image
from hub import app
from hub.runtime.engine import Engine
from hub.tabs.downloads import download

engine = Engine(sys.argv[1:])
handlers = {each.api_name: each.fn for each in app.build(engine).fns.values()}
models = dict(zip(sys.argv[1:], engine.models.items(), strict=True))

def check(name):
    name, model = models[name]
    if model.bundle.task == "sample":
        pictures, sheet, archive = handlers["sample"](name, 3, 0, 1.0)
        seen = [Image.open(picture) for picture, _ in pictures]
        assert len(seen) == 3 and all(each.mode in ("RGB", "RGBA") for each in seen), "8 bits a channel"
        assert len({each.tobytes() for each in seen}) == 3
        return
    assert model.bundle.task == "translate"
    example = next(file.path for file in model.bundle.files if file.path.startswith("examples/"))
    picture = {"path": download((model.folder / example).read_bytes(), "picture.png")}
    if model.bundle.restores:
        after, before, report = handlers["restore"](name, picture, model.bundle.restores.highest / 2)
        assert Image.open(after["path"]).size == Image.open(before["path"]).size == (report["width"], report["height"])
        assert len(report["scores"]) >= 4 and report["scores"]["Restored"]["psnr"] > 0
        return
    made, seen, report = handlers["translate"](name, picture)
    assert Image.open(made["path"]).size == Image.open(seen["path"]).size == (report["width"], report["height"])
    assert (report["cycle"] is not None) == ("inverse" in model.bundle.graphs)
    archive, done = handlers["translate_batch"](name, [picture, picture])
    assert [each["file"] for each in done] == ["picture.png", "picture-2.png"]
"""


@cache
def said(code: str, provider: str | None, *models: str) -> dict[str, str]:
    """What became of each model, an id or a folder: "well", else a traceback."""
    environment = os.environ | ({"GENHUB_PROVIDER": provider} if provider else {})
    ran = subprocess.run(
        [sys.executable, "-c", code + EACH, *models], env=environment, capture_output=True, text=True, timeout=280
    )
    assert ran.returncode == 0, ran.stderr
    return dict(map(json.loads, ran.stdout.splitlines()))


@pytest.mark.parametrize("name", catalog_ids())
def test_every_file_is_what_the_manifest_says_and_small_enough(name: str) -> None:
    found = weights.resolve(name)
    for file in found.bundle.all_files():
        weights.verify_file(found.folder, found.bundle, file)
    listed = {file.path for file in found.bundle.all_files()} | {"bundle.json"}
    there = {path.relative_to(found.folder).as_posix(): path for path in found.folder.rglob("*") if path.is_file()}
    assert there.keys() == listed
    limit = MEGABYTES.get(found.bundle.task, 12)
    assert sum(path.stat().st_size for path in there.values()) <= limit * 1e6


@pytest.mark.parametrize("provider", available_providers())
@pytest.mark.parametrize("name", catalog_ids())
def test_the_golden_outputs_come_back_without_torch(name: str, provider: str) -> None:
    assert said(REPRODUCE, provider, *catalog_ids())[name] == "well"


@pytest.mark.parametrize("name", catalog_ids())
def test_the_handler_of_its_tab_answers(name: str) -> None:
    assert said(HANDLER, None, *catalog_ids())[name] == "well"


@pytest.mark.timeout(900)  # whichever comes first may have to train and export all families
@pytest.mark.parametrize("code", [REPRODUCE, HANDLER], ids=["golden", "handler"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_s_smoke_run_becomes_is_served_too(
    family: str, code: str, exported: Callable[[str], Path]
) -> None:
    folders = {each: str(exported(each)) for each in FAMILIES}
    assert said(code, None, *folders.values())[folders[family]] == "well"


@pytest.mark.parametrize("inverse", [False, True])
def test_a_model_that_translates_and_does_not_restore_is_served_too(inverse: bool, tmp_path: Path) -> None:
    write_tiny_translator(tmp_path / "tiny", restores=False, inverse=inverse, channels=3, dynamic=False, drawings=True)
    assert said(HANDLER, None, str(tmp_path / "tiny")) == {str(tmp_path / "tiny"): "well"}


@pytest.mark.parametrize("name", catalog_ids())
def test_quality_is_stated_beside_baselines_with_split_and_seeds(name: str) -> None:
    metrics = weights.resolve(name).bundle.metrics
    assert any(metric.baselines for metric in metrics)
    assert all(metric.split == "test" and metric.seeds and metric.evaluator for metric in metrics)

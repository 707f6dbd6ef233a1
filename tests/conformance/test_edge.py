"""``genhub pull``: what it leaves runs where there is no hub, for every task of the contract."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from export.bundle import write_bundle
from hub import open_model
from hub.cli import dispatch
from hub.contract import TASKS, read_bundle
from hub.depth import Picture
from hub.edge import pull
from hub.errors import BundleError, RequestError
from hub.settings import settings
from hub.tasks.restore import Restorer
from tests.export.stand_ins import SIZE, pictures, trained
from tests.hub.sentence import sentence
from tests.hub.tiny_translator import smooth, write_tiny_translator
from tests.hub_stand_in import HubStandIn, files_of

ALONE = """
import runpy, sys
for name in ("hub", "export", "training", "torch", "onnx", "pydantic", "gradio", "huggingface_hub", "tokenizers"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``run.py`` in a process where importing the hub, and all it stands on, raises."""
    return subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(folder / "run.py"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hub runs where `run.py` does: another provider may be faster, and round a half the other way."""
    monkeypatch.setenv("GENHUB_PROVIDER", "cpu")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of each task."""
    folder = tmp_path_factory.mktemp("exported")
    for task in TASKS:
        write_bundle(trained(task), folder / task, wanted=("fp32",))
    return folder


def outputs(folder: Path, graph: str, **feeds: np.ndarray) -> list[np.ndarray]:
    found: list[np.ndarray] = ort.InferenceSession(str(folder / f"onnx/{graph}.onnx")).run(None, feeds)
    return found


@pytest.mark.parametrize("task", TASKS)
def test_every_task_runs_alone_and_gives_what_the_graph_gives(task: str, exported: Path, tmp_path: Path) -> None:
    box = tmp_path / "box"
    pull(str(exported / task), None, box)
    channels = 1 if task in ("sample", "anomaly") else 3
    a, b = pictures(2, channels, seed=5)
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[4:9, 3:12] = 255
    for name, image in (("a", a), ("b", b), ("mask", mask)):
        Image.fromarray(image[..., 0] if image.shape[-1:] == (1,) else image).save(tmp_path / f"{name}.png")
    file = {name: str(tmp_path / f"{name}.png") for name in ("a", "b", "mask")}
    out = tmp_path / ("out.npz" if task == "clip" else "out.png")
    arguments = {
        "sample": ["--count", "4", "--seed", "3"],
        "translate": ["--image", file["a"]],
        "inpaint": ["--image", file["a"], "--mask", file["mask"]],
        "anomaly": ["--image", file["a"]],
        "stylize": ["--content", file["a"], "--style", file["b"], "--strength", "0.5"],
        "swap": ["--source", file["a"], "--target", file["b"]],
        "clip": ["--image", file["a"], file["b"], "--tokens", "1,2,3 4,5"],
    }[task]
    ran = run(box, *arguments, "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    if task == "clip":
        found = np.load(out, allow_pickle=False)
        assert found["image_embeds"].shape == (2, 8) and found["text_embeds"].shape == (2, 8)
        ids = np.array([[4, 5]])
        wanted = outputs(box, "text_model", input_ids=ids, attention_mask=np.ones_like(ids))[0]
        assert np.allclose(found["text_embeds"][1], wanted[0], atol=1e-5)
        assert [len(line.split()) for line in ran.stdout.splitlines()[:2]] == [2, 2]  # a cosine a picture and text
        return
    written = np.asarray(Image.open(out))
    match task:
        case "sample":
            four = open_model(exported / task).sample(count=4, seed=3)[..., 0]
            expected = np.concatenate([np.concatenate(four[:2], axis=1), np.concatenate(four[2:], axis=1)])
        case "translate":
            expected = outputs(box, "translator", image=a[None])[0][0]
        case "inpaint":
            expected = outputs(box, "inpainter", image=a[None], mask=mask[None, ..., None])[0][0]
            assert np.array_equal(expected[mask == 0], a[mask == 0])  # white is the hole, and nothing else
        case "anomaly":
            score, heatmap = outputs(box, "detector", image=a[None])
            assert f"score {score[0]:.6g}" in ran.stdout
            expected = (heatmap[0] * 255).round().astype(np.uint8)
        case "stylize":
            strength = np.array([0.5], np.float32)
            expected = outputs(box, "stylizer", content=a[None], style=b[None], strength=strength)[0][0]
        case _:
            expected = outputs(box, "swapper", source=a[None], target=b[None])[0][0]
    assert np.array_equal(written, expected)


def test_the_variant_that_was_pulled_is_alone_there_and_runs(tmp_path: Path) -> None:
    variant, size = pull("vae-fashion", "int8", tmp_path / "box")
    assert variant == "int8"
    there = files_of(tmp_path / "box")
    assert sum(map(len, there.values())) == size
    listed = {file.path for file in read_bundle(tmp_path / "box").variants["int8"].files.values()}
    assert {name for name in there if name.endswith(".onnx")} == listed
    assert not {"model.safetensors", "golden.npz", "config.json"} & there.keys()
    assert run(tmp_path / "box", "--out", str(tmp_path / "o.png")).returncode == 0
    assert run(tmp_path / "box", "--image", "examples/01.png", "--out", str(tmp_path / "o2.png")).returncode == 0


def test_a_class_is_chosen_by_name(tmp_path: Path) -> None:
    pull("cgan-fashion", "fp32", tmp_path / "box")
    ran = run(tmp_path / "box", "--label", "Sandal", "--count", "1", "--out", str(tmp_path / "o.png"))
    assert ran.returncode == 0, ran.stderr
    expected = open_model(tmp_path / "box").sample(count=1, label="Sandal")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "o.png")), expected[0, ..., 0])
    refused = run(tmp_path / "box", "--label", "Hat", "--out", str(tmp_path / "o.png"))
    assert refused.returncode == 1 and "there is no label 'Hat'; there are" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_from_the_hub_only_the_asked_for_variant_travels(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    hub_stand_in.add("me/vae", files_of(open_model("vae-fashion").model.folder))
    pull("me/vae", "int8", tmp_path / "box")
    graphs = {address for method, address, _ in hub_stand_in.requests if method == "GET" and address.endswith(".onnx")}
    assert {address.rsplit("/", 1)[1] for address in graphs} == {
        "decoder_quantized.onnx", "encoder_quantized.onnx", "prior.onnx",
    }  # fmt: skip


def test_a_damaged_graph_is_not_run(tmp_path: Path) -> None:
    pull("gan-fashion", "fp32", tmp_path / "box")
    with (tmp_path / "box/onnx/decoder.onnx").open("ab") as stream:
        stream.write(b"!")
    ran = run(tmp_path / "box", "--out", str(tmp_path / "o.png"))
    assert ran.returncode == 1 and "onnx/decoder.onnx is damaged" in ran.stderr
    assert not (tmp_path / "o.png").exists()


def test_what_cannot_be_pulled_leaves_nothing(tmp_path: Path, exported: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/photo.png").write_text("precious")
    with pytest.raises(RequestError, match="is no bundle") as refused:
        pull("vae-fashion", None, tmp_path / "mine")
    sentence(refused.value)
    with pytest.raises(BundleError, match="'stand-in-boxes' has no variant int8: it has fp32") as missing:
        pull(str(exported / "swap"), "int8", tmp_path / "box")
    sentence(missing.value)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_command_names_the_folder_after_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert dispatch(["pull", "gan-fashion", "--variant", "fp16"]) == 0
    assert "gan-fashion, fp16" in capsys.readouterr().out
    assert json.loads((tmp_path / "gan-fashion/bundle.json").read_text())["id"] == "gan-fashion"
    assert dispatch(["pull", "gan-fashion", "--variant", "fp16"]) == 0  # again: replaced


@pytest.mark.parametrize("dynamic", [True, False])
def test_a_model_that_can_be_told_the_level_is_told_it(dynamic: bool, tmp_path: Path) -> None:
    write_tiny_translator(tmp_path / "tiny", told=True, dynamic=dynamic)
    pull(str(tmp_path / "tiny"), None, tmp_path / "box")
    picture = smooth(32, 32, 1)
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png")
    for flags, level in (([], None), (["--level", "0"], 0), (["--level", "12.5"], 12.5)):
        ran = run(tmp_path / "box", "--image", str(tmp_path / "a.png"), "--out", str(tmp_path / "o.png"), *flags)
        assert ran.returncode == 0, ran.stderr
        expected = Restorer(open_model(tmp_path / "tiny")).restore(Picture(picture), level=level).pixels
        assert np.array_equal(np.asarray(Image.open(tmp_path / "o.png")), expected[..., 0])
    refused = run(tmp_path / "box", "--image", str(tmp_path / "a.png"), "--level", "300")
    assert refused.returncode == 1 and "--level must lie between 0 and 255" in refused.stderr


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_restoring_model_takes_any_size_and_colour_as_the_hub_does(mode: str, tmp_path: Path) -> None:
    write_tiny_translator(tmp_path / "tiny")
    pull(str(tmp_path / "tiny"), None, tmp_path / "box")
    picture = smooth(41, 50, len(mode))
    Image.fromarray(picture[..., 0] if mode == "L" else picture).save(tmp_path / "a.png")
    ran = run(tmp_path / "box", "--image", str(tmp_path / "a.png"), "--out", str(tmp_path / "o.png"))
    assert ran.returncode == 0, ran.stderr
    expected = Restorer(open_model(tmp_path / "tiny")).restore(Picture(picture)).pixels
    assert np.array_equal(np.asarray(Image.open(tmp_path / "o.png")).reshape(picture.shape), expected)

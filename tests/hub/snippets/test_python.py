"""The Python snippet, run as pasted in the bundle's folder: for every bundle that ships, and for every task."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from hub import open_model
from hub.catalog import catalog_ids
from hub.contract import TASKS, Bundle, read_bundle
from hub.snippets import snippets
from hub.weights import resolve

HUB = "http://127.0.0.1:7860"
EMBEDDED = [(resolve(name).bundle, variant) for name in catalog_ids() for variant in resolve(name).bundle.variants]
SAMPLING, TRANSLATING = (
    [(bundle.id, variant) for bundle, variant in EMBEDDED if bundle.task == task] for task in ("sample", "translate")
)


def run(folder: Path, bundle: Bundle, work: Path, variant: str = "fp32") -> str:
    """Run the snippet in a copy of the bundle, in a process that cannot see this repository; what it printed."""
    here = work / bundle.id
    for file in bundle.all_files():
        (here / file.path).parent.mkdir(parents=True, exist_ok=True)
        (here / file.path).write_bytes((folder / file.path).read_bytes())
    here.mkdir(parents=True, exist_ok=True)
    (work / "pasted.py").write_text(snippets(bundle, variant, HUB)["python"])  # type: ignore[arg-type]
    done = subprocess.run(
        [sys.executable, "-I", str(work / "pasted.py")], cwd=here, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize(("name", "variant"), SAMPLING)
def test_every_variant_that_ships_makes_the_hub_s_own_pictures(name: str, variant: str, tmp_path: Path) -> None:
    bundle = resolve(name).bundle
    printed = run(resolve(name).folder, bundle, tmp_path, variant)
    image = bundle.image
    assert printed.strip() == f"(16, {image.height}, {image.width}, {image.channels}) uint8"
    made = np.stack([picture(tmp_path / name / f"image-{number:02d}.png") for number in range(16)])
    if variant == "fp32":
        ours = open_model(name).sample(count=16, seed=0).astype(int)
        assert np.abs(made.reshape(ours.shape) - ours).max() <= 1
    else:
        assert len({each.tobytes() for each in made}) == 16 and made.max() > 128


@pytest.mark.parametrize(("name", "variant"), TRANSLATING)
def test_every_variant_that_ships_translates_as_the_hub_does(name: str, variant: str, tmp_path: Path) -> None:
    bundle, folder = resolve(name).bundle, resolve(name).folder
    printed = run(folder, bundle, tmp_path, variant)
    example = picture(folder / "examples/01.png").reshape(bundle.image.height, bundle.image.width, -1)
    assert printed.strip() == f"{(1, *example.shape)} uint8"
    ours = open_model(name).translate(example.astype(np.uint8)).astype(int)
    off = np.abs(picture(tmp_path / name / "translated-00.png").reshape(ours.shape) - ours)
    assert off.max() <= 1 if variant == "fp32" else off.mean() < 3


def test_a_conditional_bundle_without_a_prior_runs_too(conditional_bundle: Path, tmp_path: Path) -> None:
    run(conditional_bundle, read_bundle(conditional_bundle), tmp_path)
    ours = open_model(conditional_bundle).sample(count=16, seed=0)
    made = picture(tmp_path / "tiny-conditional" / "image-04.png")
    assert np.abs(made - ours[4, ..., 0].astype(int)).max() <= 1


@pytest.mark.parametrize("task", [task for task in TASKS if task != "sample"])
def test_every_other_task_runs_on_its_own_examples(task: str, stand_in: Callable[[str], Path], tmp_path: Path) -> None:
    folder = stand_in(task)
    bundle = read_bundle(folder)
    printed = run(folder, bundle, tmp_path)
    here = tmp_path / bundle.id
    first, second = (np.asarray(Image.open(folder / "examples" / f"0{number}.png"))[None] for number in (1, 2))

    def graph(name: str, **feeds: np.ndarray) -> list[np.ndarray]:
        outputs: list[np.ndarray] = ort.InferenceSession(folder / "onnx" / f"{name}.onnx").run(None, feeds)
        return outputs

    match task:
        case "translate":
            assert np.array_equal(picture(here / "translated-00.png"), graph("translator", image=first)[0][0])
        case "inpaint":
            made, known = picture(here / "inpainted-00.png"), np.ones((16, 16), bool)
            known[4:12, 4:12] = False
            assert np.array_equal(made[known], first[0][known]), "known pixels come back bit-exact"
            assert not np.array_equal(made[~known], first[0][~known]), "the hole is filled"
        case "anomaly":
            score, heatmap = graph("detector", image=first[..., None])
            assert f"{score[0]:.4f}"[:5] in printed and "anomalous above 0.125" in printed
            assert np.array_equal(picture(here / "heatmap.png"), (heatmap[0] * 255).astype(np.uint8))
        case "stylize":
            expected = graph("stylizer", content=first, style=second, strength=np.ones(1, np.float32))[0][0]
            assert np.array_equal(picture(here / "image-00.png"), expected)
        case "swap":
            assert np.array_equal(picture(here / "image-00.png"), graph("swapper", source=first, target=second)[0][0])
        case "clip":
            assert printed.splitlines() == ["(1, 8) float32", "(1, 8) float32"]


def test_a_bundle_without_examples_runs_on_random_pixels(stand_in: Callable[[str], Path], tmp_path: Path) -> None:
    folder = stand_in("translate")
    bundle = read_bundle(folder)
    bare = bundle.model_copy(update={"files": ()})
    assert "(1, 16, 16, 3) uint8" in run(folder, bare, tmp_path)


def test_a_clip_bundle_s_own_tokenizer_and_preprocessing_are_used(
    stand_in: Callable[[str], Path], tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    from tests.hub.tiny_bundle import describe

    folder = stand_in("clip")
    bundle = read_bundle(folder)
    extra = tmp_path / "extra"
    extra.mkdir()
    words = {word: number for number, word in enumerate(["a", "photo", "of", "shirt", "?"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(extra / "tokenizer.json"))
    (extra / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}')
    for file in bundle.all_files():
        (extra / file.path).parent.mkdir(parents=True, exist_ok=True)
        (extra / file.path).write_bytes((folder / file.path).read_bytes())
    own = tuple(describe(extra / name, extra) for name in ("tokenizer.json", "preprocessor_config.json"))
    richer = bundle.model_copy(update={"files": (*bundle.files, *own)})
    pasted = snippets(richer, "fp32", HUB)["python"]
    assert 'Tokenizer.from_file("tokenizer.json")' in pasted and '"image_mean"' in pasted
    assert run(extra, richer, tmp_path / "work").splitlines() == ["(1, 8) float32", "(1, 8) float32"]

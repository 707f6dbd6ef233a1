"""``genhub export``: what it prints, how it exits, what it leaves behind."""

import json
from pathlib import Path

import pytest

from export.cli import export
from hub.contract import read_bundle
from training.cli import train

TINY = Path(__file__).parents[1] / "data" / "fashion_tiny.parquet"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAE after two steps: nothing learned, everything there."""
    folder = tmp_path_factory.mktemp("runs") / "vae"
    assert train(["vae", "--preset", "smoke", "--max-steps", "2", "--data", str(TINY), "--out", str(folder)]) == 0
    return folder


def test_a_run_becomes_a_bundle_with_the_given_names_and_baselines(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baselines = tmp_path / "baselines.json"
    baselines.write_text(json.dumps({"reconstruction_psnr": {"PCA-32": 20.5}}))
    target = tmp_path / "bundle"
    flags = ["--id", "mine", "--title", "Mine", "--baselines", str(baselines), "--variants", "fp32"]
    assert export([str(run), "--to", str(target), *flags]) == 0
    bundle = read_bundle(target)
    assert (bundle.id, bundle.title, set(bundle.variants)) == ("mine", "Mine", {"fp32"})
    assert {metric.name: metric.baselines for metric in bundle.metrics}["Reconstruction PSNR"] == {"PCA-32": 20.5}
    assert bundle.training["command"] == "genhub train vae --preset smoke --data FOLDER --max-steps 2"
    assert f"in {target}" in capsys.readouterr().out


def test_without_flags_it_is_named_after_family_and_data(run: Path, tmp_path: Path) -> None:
    assert export([str(run), "--to", str(tmp_path / "bundle"), "--variants", "fp32"]) == 0
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.id == "vae-fashion-tiny" and bundle.licence == "MIT"
    assert bundle.description.startswith("Convolutional variational autoencoder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "--to", "bundle"], "There is no training run at nowhere."),
        ([".", "--to", "bundle"], "is not a training run: it has no config.json."),
        (["RUN", "--to", "bundle", "--id", "Not An Id"], "'Not An Id' is no id"),
        (["RUN", "--to", "bundle", "--baselines", "nowhere.json"], "There is no file of baselines"),
    ],
)
def test_mistakes_are_one_sentence_and_status_two(
    arguments: list[str],
    message: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert export([str(run) if argument == "RUN" else argument for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("genhub export: ") and message in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_images_are_gone_says_how_to_get_them(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = next((run / "checkpoints").iterdir())
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in checkpoint.iterdir():
        content = file.read_bytes()
        (moved / file.name).write_bytes(content.replace(str(TINY).encode(), b"/gone.parquet"))
    assert export([str(moved), "--to", str(tmp_path / "bundle")]) == 2
    assert "'fashion_tiny' is not on this machine" in capsys.readouterr().err


def test_help_and_a_mistyped_flag_exit_as_they_should() -> None:
    assert export(["--help"]) == 0
    assert export(["run", "--to", "bundle", "--colour", "red"]) == 2

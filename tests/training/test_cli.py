"""What people type, and what they are told when it is wrong: one sentence, exit code 2, no traceback."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from training import cli
from training.family import FAMILIES

from .commands import TINY


def told(capsys: pytest.CaptureFixture[str], argv: list[str]) -> str:
    """Run `genhub train` expecting a refusal; returns its one sentence."""
    assert cli.train(argv) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and errors.startswith("genhub: ")
    return errors


def test_a_run_leaves_its_config_log_samples_tensorboard_and_metrics(smoke_run: Path) -> None:
    assert json.loads((smoke_run / "config.json").read_text())["family"] == "vae"
    with (smoke_run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["step"] == "30" and float(rows[-1]["images_per_second"]) > 0 and rows[0]["loss"]
    with Image.open(smoke_run / "samples" / "step-00000030.png") as grid:
        assert grid.size == (8 * 34 + 2, 8 * 34 + 2)
    assert list((smoke_run / "tensorboard").iterdir())
    metrics = json.loads((smoke_run / "metrics.json").read_text())["metrics"]
    assert metrics["test"]["frechet_distance"] > metrics["test"]["frechet_floor"]


def test_unknown_family_preset_and_data_are_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    refusal = told(capsys, ["gan2"])
    assert "no family called 'gan2'; there are: " in refusal and "vae" in refusal
    assert "has no preset 'huge'" in told(capsys, ["vae", "--preset", "huge"])
    nowhere = str(tmp_path / "nowhere")
    assert f"--data {nowhere}" in told(capsys, ["vae", "--data", nowhere, "--out", str(tmp_path / "run")])


def test_settings_that_cannot_work_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    common = ["vae", "--preset", "smoke", "--data", str(TINY)]
    assert "power of two" in told(capsys, [*common, "--image-size", "48", "--out", str(tmp_path / "a")])
    assert "--latent-dim" in told(capsys, [*common, "--latent-dim", "1", "--out", str(tmp_path / "b")])
    assert "budget" in told(capsys, [*common, "--max-steps", "None", "--out", str(tmp_path / "c")])
    assert "--batch-size" in told(capsys, [*common, "--batch-size", "0", "--out", str(tmp_path / "d")])


def test_a_refused_start_does_not_block_the_next_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    told(capsys, ["vae", "--preset", "smoke", "--data", str(TINY), "--latent-dim", "1", "--out", str(run)])
    assert cli.train(["vae", "--preset", "smoke", "--data", str(TINY), "--max-steps", "2", "--out", str(run)]) == 0


def test_a_folder_with_a_run_is_not_overwritten(capsys: pytest.CaptureFixture[str], smoke_run: Path) -> None:
    told_so = told(capsys, ["vae", "--preset", "smoke", "--data", str(TINY), "--out", str(smoke_run)])
    assert "already holds a run" in told_so


def test_resuming_refuses_what_would_make_it_another_run(
    capsys: pytest.CaptureFixture[str], smoke_run: Path, tmp_path: Path
) -> None:
    assert "is finished" in told(capsys, ["vae", "--resume", str(smoke_run)])
    changed = told(capsys, ["vae", "--resume", str(smoke_run), "--latent-dim", "8", "--seed", "3"])
    assert "--latent-dim, --seed cannot change" in changed
    assert "not a training run" in told(capsys, ["vae", "--resume", str(tmp_path)])


def test_help_lists_every_setting_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.train(["vae", "--help"]) == 0
    help_text = capsys.readouterr().out
    for flag in ("--preset", "--data", "--resume", "--out", "--latent-dim", "--max-minutes", "--free-bits"):
        assert flag in help_text
    assert cli.train(["--help"]) == 0
    overview = capsys.readouterr().out
    assert all(family in overview for family in FAMILIES)


def test_unknown_data_set_lists_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.data(["build", "mnist"]) == 2
    assert "there are: avatars, ct, ct-lowdose, emoji, " in capsys.readouterr().err


def test_a_run_is_measured_again_to_the_same_numbers(
    capsys: pytest.CaptureFixture[str], smoke_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(smoke_run, run)
    measured = (run / "metrics.json").read_text()
    (run / "metrics.json").unlink()
    assert cli.evaluate([str(run)]) == 0
    assert "step 30 " in capsys.readouterr().out and (run / "metrics.json").read_text() == measured


def test_what_is_no_run_is_not_measured_and_stays_as_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.evaluate([str(tmp_path)]) == 2
    assert "not a training run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []

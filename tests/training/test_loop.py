"""The loop keeps to its budget, never saves what is broken, and leaves nothing that runs code when opened."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training import cli
from training.checkpoint import checkpoints, latest_checkpoint, read_run_info

from .commands import TINY

SMOKE = ["vae", "--preset", "smoke", "--data", str(TINY)]


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "log.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_budget_of_time_ends_the_run_and_cools_the_learning_rate_down(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert cli.train([*SMOKE, "--max-steps", "None", "--max-minutes", "0.03", "--out", str(run)]) == 0
    info = read_run_info(latest_checkpoint(run))
    assert info.step >= 1 and info.elapsed_seconds >= 1.8  # how many steps fit is the machine's affair
    rates = [float(row["lr_schedule"]) for row in rows(run)]
    assert rates[-1] < 1e-4 < info.config["learning_rate"]
    assert json.loads((run / "metrics.json").read_text())["step"] == info.step


def test_a_resumed_run_goes_on_in_the_same_log(smoke_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(smoke_run, tmp_path / "run"))
    with (run / "log.csv").open("a") as file:
        file.write("31,0.1,5")  # half a row, as a killed process leaves it
    assert cli.train(["vae", "--resume", str(run), "--max-steps", "33"]) == 0
    steps = [int(row["step"]) for row in rows(run)]
    assert steps == sorted(set(steps)) and steps[-1] == 33 and 30 in steps
    assert json.loads((run / "metrics.json").read_text())["step"] == 33


def test_a_run_that_goes_on_with_another_budget_or_other_code_says_so(
    smoke_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(smoke_run, tmp_path / "run"))
    assert read_run_info(latest_checkpoint(run)).notes == []
    assert cli.train(["vae", "--resume", str(run), "--max-steps", "31"]) == 0
    said = ["Resumed at step 30 with --max-steps 30 -> 31."]
    assert read_run_info(latest_checkpoint(run)).notes == said
    monkeypatch.setattr("training.checkpoint.git_commit", lambda: "abc")
    assert cli.train(["vae", "--resume", str(run), "--max-steps", "32"]) == 0
    said.append("Resumed at step 31 with --max-steps 31 -> 32, commit abc.")
    assert read_run_info(latest_checkpoint(run)).notes == said


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    flags = ["--learning-rate", "1e9", "--checkpoint-minutes", "0", "--out", str(run)]
    assert cli.train([*SMOKE, *flags]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and "stopped being numbers at step" in errors
    assert str(latest_checkpoint(run)) in errors
    for path in checkpoints(run):
        assert all(torch.isfinite(tensor).all() for tensor in load_file(path / "state.safetensors").values()), path


def test_no_file_of_a_run_can_run_code(smoke_run: Path) -> None:
    files = [path for path in smoke_run.rglob("*") if path.is_file()]
    assert files
    for path in files:
        known = path.suffix in {".json", ".safetensors", ".csv", ".png"} or path.name == ".lock"
        assert known or path.name.startswith("events.out.tfevents."), path
        assert not path.read_bytes().startswith((b"\x80", b"PK")), (
            path
        )  # a pickle; a zip, which is what torch.save writes


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--max-steps", "0"),
        ("--max-steps", "-3"),
        ("--max-minutes", "0"),
        ("--max-minutes", "-1"),
        ("--channels", "2"),
        ("--image-size", "0"),
        ("--seed", "-1"),
        ("--seed", "5000000000"),
        ("--checkpoint-minutes", "-1"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_written(
    flag: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.train([*SMOKE, flag, value, "--out", str(tmp_path / "run")]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and errors.startswith(f"genhub: {flag} must be")
    assert not (tmp_path / "run").exists()


def test_resuming_into_another_folder_or_with_other_data_is_refused(
    smoke_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for flags in (["--out", str(tmp_path / "other")], ["--data", str(tmp_path)]):
        assert cli.train(["vae", "--resume", str(smoke_run), "--max-steps", "40", *flags]) == 2
        assert "leave out --out and --data" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.train([*SMOKE, "--out", str(tmp_path / "file")]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1 and str(tmp_path / "file") in errors

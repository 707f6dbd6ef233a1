"""Checkpoints are whole or absent, hold no code, and say plainly what is wrong with them."""

import json
import shutil
import subprocess
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from training.atomic import atomic_path
from training.checkpoint import (
    KEPT,
    RunInfo,
    checkpoints,
    git_commit,
    latest_checkpoint,
    load_run,
    read_run_info,
    save_checkpoint,
    stored_config,
)
from training.errors import TrainingError
from training.families import gan
from training.state_files import flatten_state, match_layouts, unflatten_state


@pytest.fixture
def run(smoke_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(smoke_run, tmp_path / "run"))


def test_state_survives_flattening_bit_for_bit() -> None:
    state: dict[str, Any] = {
        "state": {0: {"step": torch.tensor(3.0), "moments": (torch.randn(2, 3), torch.randn(1))}},
        "groups": [{"lr": 0.1 + 0.2, "betas": (0.9, 0.99), "foreach": True, "name": None}],
    }
    tree, tensors = flatten_state(state, "state")
    back = unflatten_state(json.loads(json.dumps(tree)), tensors)
    assert back["groups"] == state["groups"]
    assert torch.equal(back["state"][0]["moments"][0], state["state"][0]["moments"][0])
    assert isinstance(back["state"][0]["moments"], tuple)


def test_settings_come_back_from_json_as_they_were() -> None:
    config = gan.Config(augment=("translation", "cutout"))
    assert stored_config("gan", json.loads(json.dumps(asdict(config)))) == config


def test_what_a_checkpoint_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"state\.inner is a set"):
        flatten_state({"inner": {1, 2}}, "state")


def test_optimizer_moments_come_back_in_the_layout_of_their_weights() -> None:
    weight = nn.Parameter(torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.randn_like(weight)
    optimizer.step()
    tree, tensors = flatten_state(optimizer.state_dict(), "optimizer")
    optimizer.load_state_dict(unflatten_state(tree, tensors))
    match_layouts(optimizer)
    assert optimizer.state[weight]["exp_avg"].stride() == weight.stride()
    assert torch.equal(optimizer.state[weight]["exp_avg"], tensors["optimizer.state.0.exp_avg"])


def test_half_written_checkpoint_is_never_latest(run: Path) -> None:
    complete = latest_checkpoint(run)
    with pytest.raises(KeyboardInterrupt), atomic_path(run / "checkpoints" / "step-00000099") as temporary:
        temporary.mkdir()
        (temporary / "state.json").write_text("{}")
        raise KeyboardInterrupt
    assert latest_checkpoint(run) == complete
    killed = run / "checkpoints" / ".step-00000099.123.tmp"  # what SIGKILL would leave behind
    shutil.copytree(complete, killed)
    assert latest_checkpoint(run) == complete


def test_only_the_last_two_checkpoints_are_kept(run: Path) -> None:
    info = read_run_info(run)
    for step in (40, 50, 60):
        save_checkpoint(run, RunInfo(**{**info.__dict__, "step": step}), {"net": nn.Linear(2, 2)}, {})
    assert [path.name for path in checkpoints(run)] == ["step-00000050", "step-00000060"]
    assert KEPT == 2


def test_checkpoint_holds_no_pickle(run: Path) -> None:
    assert sorted(path.suffix for path in latest_checkpoint(run).iterdir()) == [".json", ".json", ".safetensors"]


def test_config_says_what_the_run_was(run: Path) -> None:
    info = read_run_info(latest_checkpoint(run))
    assert (info.family, info.task, info.step, info.seed) == ("vae", "sample", 30, 0)
    assert info.images_seen == 30 * 16 and info.elapsed_seconds > 0
    assert info.data_info().licence == "MIT" and len(info.data_info().class_names) == 10
    assert info.versions["torch"] == metadata.version("torch")
    assert info.config["latent_dim"] == 4


def test_loaded_run_is_ready_to_use(run: Path) -> None:
    trainer = load_run(run)
    modules = trainer.inference_modules()
    assert not any(module.training for net in modules.values() for module in net.modules())
    noise = torch.randn(3, 4)
    with torch.no_grad():
        image = modules["decoder"](modules["prior"](noise))
        again = load_run(latest_checkpoint(run)).inference_modules()
        assert torch.equal(image, again["decoder"](again["prior"](noise)))
        assert image.shape == (3, 1, 32, 32) and image.abs().max() <= 1
        assert modules["encoder"](image).shape == (3, 4)
    assert len(trainer.data.val) == 20


def test_loaded_run_works_where_its_data_is_not(run: Path) -> None:
    path = latest_checkpoint(run) / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "data_spec": "/nowhere/at/all.parquet"}))
    trainer = load_run(run)
    assert len(trainer.data.train) == 0 and trainer.data.info.title.startswith("Fashion-MNIST")
    assert trainer.evaluate() == {}
    assert trainer.preview().shape == (64, 1, 32, 32)


def test_broken_runs_are_named_in_one_sentence(run: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="There is no training run at"):
        load_run(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainingError, match="is not a training run"):
        load_run(tmp_path / "empty")
    weights = latest_checkpoint(run) / "state.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(TrainingError, match="is damaged"):
        load_run(run)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(TrainingError, match="has no checkpoint yet"):
        load_run(run)
    (run / "config.json").write_text('{"format": 1')
    with pytest.raises(TrainingError, match="is damaged"):
        load_run(run)
    (run / "config.json").write_text('{"format": 99}')
    with pytest.raises(TrainingError, match="format 99"):
        load_run(run)


def test_a_commit_that_is_not_all_there_is_to_the_code_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.checkpoint.__file__", str(tmp_path / "checkpoint.py"))
    assert git_commit() is None

    def git(*arguments: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        done = subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init")
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-m", "one")
    commit = git("rev-parse", "HEAD")
    git("tag", "-a", "v1", "-m", "v1")
    assert git_commit() == commit
    (tmp_path / "code.py").write_text("2")
    assert git_commit() == f"{commit}-dirty"

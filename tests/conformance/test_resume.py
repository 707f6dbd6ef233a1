"""Every family, through the real command line: killed and resumed, it ends with the weights of an uninterrupted run."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.training.commands import TINY, start, wait_until
from training.checkpoint import checkpoints
from training.family import FAMILIES, load_family

STEPS = 40


@pytest.mark.parametrize("family", FAMILIES)
def test_killed_and_resumed_run_ends_bit_identical_to_an_uninterrupted_one(family: str, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    paired = load_family(family).Config().pairing is not None
    data = TINY.with_name("openmoji_tiny.parquet") if paired else TINY
    settings = ["train", family, "--preset", "smoke", "--data", data, "--max-steps", str(STEPS)]
    uninterrupted = start(*settings, "--out", whole)
    victim = start(*settings, "--out", broken, "--checkpoint-minutes", "0")
    wait_until(lambda: bool(checkpoints(broken)) and checkpoints(broken)[-1].name >= "step-00000010", victim)
    victim.send_signal(signal.SIGKILL)
    assert victim.finish()[0] == -signal.SIGKILL
    assert checkpoints(broken)[-1].name < f"step-{STEPS:08d}", "killed too late to prove anything"

    code, _, errors = start("train", family, "--resume", broken).finish()
    assert code == 0, errors
    code, _, errors = uninterrupted.finish()
    assert code == 0, errors

    expected, expected_scalars = _final_state(whole)
    resumed, resumed_scalars = _final_state(broken)
    assert resumed.keys() == expected.keys()
    different = [name for name in expected if not torch.equal(expected[name], resumed[name])]
    assert not different
    assert resumed_scalars == expected_scalars


def _final_state(run: Path) -> tuple[dict[str, torch.Tensor], Any]:
    """All tensors, random states and optimizer moments included, and all scalars but the clock."""
    checkpoint = checkpoints(run)[-1]
    assert checkpoint.name == f"step-{STEPS:08d}"
    scalars = json.loads((checkpoint / "state.json").read_text())
    del scalars["loop"]["elapsed"]
    return load_file(checkpoint / "state.safetensors"), scalars

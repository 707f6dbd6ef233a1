"""Every family, through the real command line: killed and resumed, it ends with the weights of an uninterrupted run."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.conformance.conftest import STEPS, smoke
from tests.training.commands import start, wait_until
from training.checkpoint import checkpoints
from training.family import FAMILIES


@pytest.mark.parametrize("family", FAMILIES)
def test_killed_and_resumed_run_ends_bit_identical_to_an_uninterrupted_one(
    family: str, smoke_run: Callable[[str], Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    victim = start(*smoke(family, broken), "--checkpoint-minutes", "0")
    wait_until(lambda: bool(checkpoints(broken)) and checkpoints(broken)[-1].name >= "step-00000010", victim)
    victim.send_signal(signal.SIGKILL)
    assert victim.finish()[0] == -signal.SIGKILL
    assert checkpoints(broken)[-1].name < f"step-{STEPS:08d}", "killed too late to prove anything"

    code, _, errors = start("train", family, "--resume", broken).finish()
    assert code == 0, errors

    expected, expected_scalars = _final_state(smoke_run(family))
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

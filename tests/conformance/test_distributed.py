"""Every family as `torchrun` starts it: two processes that see different pictures and agree on the weights."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conformance.conftest import smoke
from tests.forking import Forked
from tests.serving import free_port
from training.cli import train
from training.family import FAMILIES, load_family

PROCESSES = 2


@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_train_one_model(family: str, tmp_path: Path) -> None:
    arguments = [*map(str, smoke(family, tmp_path / "run")), "--max-steps", "6"]
    port = free_port()
    ranks = [Forked(_train, rank, port, family, arguments, tmp_path) for rank in range(PROCESSES)]
    assert all(rank.wait(120) == 0 for rank in ranks)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(PROCESSES))
    assert not torch.equal(first["image"], second["image"]), "each learns from its own share"
    assert all(torch.equal(value, second["weights"][name]) for name, value in first["weights"].items())


def _train(rank: int, port: int, family: str, arguments: list[str], folder: Path) -> None:
    """One process of the launch. Writes the last batch and the weights that it has at the end."""
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": PROCESSES, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in own.items()} | {"ACCELERATE_USE_CPU": "true"})
    torch.set_num_threads(1)
    module: Any = load_family(family)
    last: dict[str, Any] = {}

    class Watched(module.Trainer):  # type: ignore[misc]
        def step(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            losses: dict[str, torch.Tensor] = super().step(batch)
            nets = {name: net for name, net in self.modules().items() if isinstance(net, torch.nn.Module)}
            weights = {f"{name}.{key}": value for name, net in nets.items() for key, value in net.named_parameters()}
            last.update(image=batch["image"], weights=weights)
            return losses

    module.Trainer = Watched
    code = train(arguments[1:])
    torch.save(last, folder / f"{rank}.pt")
    sys.exit(code)

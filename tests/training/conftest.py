"""One finished smoke run and the tiny data set, made once."""

from pathlib import Path

import pytest

from training import cli

from .commands import TINY


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished `vae` smoke run on the tiny data set. Copy it before changing it."""
    run = tmp_path_factory.mktemp("runs") / "smoke"
    assert cli.train(["vae", "--preset", "smoke", "--data", str(TINY), "--out", str(run)]) == 0
    return run

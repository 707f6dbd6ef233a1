"""One smoke run of each family, trained once and shared by every conformance test. Who changes it copies it first."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from export.cli import export
from tests.training.commands import start
from training.family import load_family

TINY_DATA = Path(__file__).parents[1] / "data"
STEPS = 40


def smoke(family: str, run: Path) -> list[str | Path]:
    """The command that trains the ``smoke`` preset of ``family`` on a tiny slice of its data."""
    data = TINY_DATA / f"{load_family(family).DATA}_tiny.parquet"
    return ["train", family, "--preset", "smoke", "--data", data, "--max-steps", str(STEPS), "--out", run]


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The run folder of a family's ``smoke`` preset, trained in one go."""

    @cache
    def trained(family: str) -> Path:
        run = tmp_path_factory.mktemp("runs") / family
        code, _, errors = start(*smoke(family, run)).finish(timeout=300)
        assert code == 0, errors
        return run

    return trained


@pytest.fixture(scope="session")
def exported(smoke_run: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The bundle of a family's smoke run, written by the real command."""

    @cache
    def bundle(family: str) -> Path:
        folder = tmp_path_factory.mktemp("bundles") / family
        assert export([str(smoke_run(family)), "--to", str(folder)]) == 0
        return folder

    return bundle

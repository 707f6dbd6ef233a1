"""One smoke run of each family, trained once and shared by every conformance test. Who changes it copies it first."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from export.cli import export
from training.cli import train
from training.family import load_family

TINY_DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def smoke_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The run folder of a family's ``smoke`` preset, trained by the real command on a tiny slice of its data."""

    @cache
    def trained(family: str) -> Path:
        run = tmp_path_factory.mktemp("runs") / family
        data = TINY_DATA / f"{load_family(family).DATA}_tiny.parquet"
        assert train([family, "--preset", "smoke", "--data", str(data), "--out", str(run)]) == 0
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

"""What every test may ask for: small, real bundles. Made once a run; who changes one copies it first."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.hub.tiny_bundle import write_tiny_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unconditional ``sample`` bundle with encoder and prior, called ``tiny``."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def conditional_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a conditional ``sample`` bundle without encoder or prior, called ``tiny-conditional``."""
    folder = tmp_path_factory.mktemp("bundles") / "tiny-conditional"
    write_tiny_bundle(folder, bundle_id="tiny-conditional", conditional=True, encoder=False, prior=False)
    return folder


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a bundle of any task, exported from a small untrained net."""

    @cache
    def exported(task: str) -> Path:
        from export.bundle import Names, write_bundle  # seconds: torch
        from tests.export.stand_ins import trained

        folder = tmp_path_factory.mktemp("stand-ins") / task
        changes = {"threshold": 0.125} if task == "anomaly" else {}
        return write_bundle(trained(task, **changes), folder, Names(id=f"tiny-{task}"), ("fp32",)).folder

    return exported

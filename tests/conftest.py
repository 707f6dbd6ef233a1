"""What every test may ask for: small, real bundles. Made once a run; who changes one copies it first."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from xdist.scheduler import LoadScopeScheduling

from tests.hub.tiny_bundle import write_tiny_bundle
from tests.hub_stand_in import HubStandIn

SHARING = ("tests/conformance/", "tests/export/", "tests/training/")
"""Folders whose files share what is costly to make, such as runs and exported bundles."""
LONGEST_FIRST = (*SHARING, "tests/e2e/test_walkthrough.py", "tests/e2e/")
"""Or what takes minutes would begin when all else is done, and run alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of LONGEST_FIRST at the beginning; pytest-xdist hands them out in order (Makefile)."""
    items.sort(key=lambda item: next((at for at, name in enumerate(LONGEST_FIRST) if item.nodeid.startswith(name)), 99))


class Schedule(LoadScopeScheduling):  # type: ignore[misc]
    """Where several processes share the tests, each file is one's, and so is each folder of SHARING."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in SHARING if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Schedule:
    """What pytest-xdist asks for its order."""
    return Schedule(config, log)


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


@pytest.fixture
def hub_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    """A Hub on this machine, to which the client of this process and of those it starts is pointed, with a new cache.

    The client reads its environment when it is imported, which in this process may have happened.
    """
    with HubStandIn() as hub:
        home = tmp_path / "hf"
        environment = {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(home),
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        for name, constant in {
            "ENDPOINT": hub.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": hub.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_URL_HOSTS": constants.HF_URL_HOSTS | {"127.0.0.1"},
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
            "HF_HUB_DISABLE_XET": True,
        }.items():
            monkeypatch.setattr(constants, name, constant)
        yield hub


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a bundle of any task, exported from a small untrained net."""

    @cache
    def exported(task: str) -> Path:
        from export.bundle import Names, write_bundle  # seconds: torch
        from tests.export.stand_ins import trained

        folder = tmp_path_factory.mktemp("stand-ins") / task
        changes: dict[str, Any] = {"threshold": 0.125} if task == "anomaly" else {}
        return write_bundle(trained(task, **changes), folder, Names(id=f"tiny-{task}"), ("fp32",)).folder

    return exported

"""A bundle with two variants, and a Hub on this machine that has it."""

from pathlib import Path

import pytest

from tests.hub.weights.published import REPO, variants_and_more
from tests.hub_stand_in import HubStandIn, files_of


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return variants_and_more(tmp_path_factory.mktemp("theirs") / "tiny")


@pytest.fixture
def published(hub_stand_in: HubStandIn, bundle: Path) -> HubStandIn:
    hub_stand_in.add(REPO, files_of(bundle))
    return hub_stand_in


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience without the waiting."""
    monkeypatch.setattr("hub.weights.remote.WAITS", (0.01, 0.01))

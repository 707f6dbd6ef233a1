"""What the tests of adapted models ask: a repository at the revision that an adapter pins, opened or refused."""

import pytest

from hub.adapters import shipped
from hub.errors import HubError
from hub.runtime.engine import Engine, Model
from tests.hub.sentence import sentence
from tests.hub_stand_in import Files, HubStandIn


def known(hub: HubStandIn, repo: str, files: Files, **about: object) -> None:
    """``files`` at the very revision that the adapter pins."""
    hub.add(repo, files, **about)
    pin = next(adapter.pins[repo] for adapter in shipped().values() if repo in adapter.pins)
    hub.repos[repo].commits[pin] = files


def opened(name: str) -> Model:
    (model,) = Engine([name]).models.values()
    return model


def refusal(name: str, kind: type[HubError] = HubError) -> str:
    with pytest.raises(kind) as refused:
        model = opened(name)
        for graph in model.bundle.graphs:
            model._session(graph)
    return sentence(refused.value)


def got(hub: HubStandIn) -> set[str]:
    return {path.split("/", 5)[-1] for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path}

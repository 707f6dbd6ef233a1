"""What the hub remembers of visitors: few of them, little of each, and who is forgotten sees no difference."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub import app, scratch, sessions
from hub.runtime.engine import Engine
from hub.sessions import Sessions
from tests.hub.tiny_bundle import write_tiny_bundle


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(sessions, "REMEMBERED", 3)
    monkeypatch.setenv(scratch.GRADIOS, str(tmp_path / "scratch"))
    write_tiny_bundle(tmp_path / "tiny")
    return app.mount(FastAPI(), Engine([str(tmp_path / "tiny")]))


@pytest.fixture
def client(pages: FastAPI) -> Iterator[TestClient]:
    with TestClient(pages) as running:
        yield running


def sampled(client: TestClient, visitor: str) -> list[str]:
    """The pictures that ``visitor`` is given, all of them as one, and as a ZIP."""
    asked = {"data": ["tiny", 2, 0, 1.0, ""], "session_hash": visitor}
    event = client.post("/gradio_api/call/sample", json=asked).json()["event_id"]
    said = client.get(f"/gradio_api/call/sample/{event}").text
    pictures, *rest = json.loads(said.partition("data: ")[2].partition("\n")[0])
    return [each["path"] for each in (*(picture["image"] for picture in pictures), *rest)]


def test_few_are_remembered_and_whoever_was_forgotten_sees_the_same(client: TestClient, pages: FastAPI) -> None:
    holder = app.gradio_of(pages).state_holder
    assert isinstance(holder, Sessions)
    first = sampled(client, "first")
    assert len(first) == 4
    for number in range(5):
        assert sampled(client, f"visitor {number}") == first
    assert list(holder.session_data) == ["visitor 2", "visitor 3", "visitor 4"]
    assert sampled(client, "first") == first and "first" in holder


def test_no_page_is_described_and_no_picture_kept_for_a_visitor(client: TestClient, pages: FastAPI) -> None:
    sampled(client, "visitor")
    session = app.gradio_of(pages).state_holder["visitor"]
    gallery = next(key for key, each in session.blocks_config.blocks.items() if each.elem_id == "pictures")
    session[gallery] = session[gallery]  # as where a tab changes more of a component than its value
    assert session.config_values == {} and session.state_data == {}

"""A clean environment for each test of the hub: its own cache folder, plain onnxruntime, no knob left turned."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from hub.runtime.session import machine
from hub.settings import settings

hypothesis.settings.register_profile("hub", deadline=None, max_examples=100, database=None, derandomize=True)
hypothesis.settings.load_profile("hub")

Turn = Callable[..., None]


@pytest.fixture(autouse=True)
def turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Turn]:
    """``turn(memory_mb=64)`` sets ``GENHUB_MEMORY_MB`` for this test."""
    for name in [name for name in os.environ if name.upper().startswith("GENHUB_")]:
        monkeypatch.delenv(name)

    def turn(**knobs: object) -> None:
        for name, value in knobs.items():
            monkeypatch.setenv(f"GENHUB_{name.upper()}", str(value))
        settings.cache_clear()
        machine.cache_clear()

    turn(cache=tmp_path / "cache", provider="cpu")
    yield turn
    settings.cache_clear()
    machine.cache_clear()

"""The hub's own folder: made, swept, gone in the end, and Gradio finds it."""

import asyncio
import os
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from gradio.utils import get_upload_folder

from hub import scratch
from hub.errors import RequestError
from hub.tabs.downloads import download, place
from hub.tabs.uploads import uploaded

T = TypeVar("T")
HOUR_AGO = time.time() - 3600


def run(coroutine: Coroutine[object, object, T]) -> T:
    """In a thread of its own: the browser of other tests has a loop in this one."""
    with ThreadPoolExecutor() as elsewhere:
        return elsewhere.submit(asyncio.run, coroutine).result()


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (HOUR_AGO, HOUR_AGO))


def test_gradio_keeps_its_files_in_a_folder_that_is_gone_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "not" / "there yet"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(given))

    async def use() -> Path:
        async with scratch.scratch():
            path = Path(download(b"picture", "picture.png"))
            assert path.read_bytes() == b"picture" and path.is_relative_to(given)
            return path

    assert not run(use()).exists()
    assert get_upload_folder() == str(given) and list(given.iterdir()) == [], "what is not ours stays"


def test_what_nobody_asks_for_goes_with_its_folder_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    old, again, film = Path(download(b"1", "old.png")), Path(download(b"2", "again.png")), place("before.mp4")
    film.write_bytes(b"film")
    (tmp_path / "broken off").write_bytes(b"upload")
    (tmp_path / "empty").mkdir()
    age(*tmp_path.rglob("*"))
    fresh = Path(download(b"3", "fresh.png"))
    assert download(b"2", "again.png") == str(again)
    scratch.sweep(tmp_path, HOUR_AGO + 60)
    assert not old.exists() and not film.exists()
    assert {each for each in tmp_path.rglob("*") if each.is_file()} == {again, fresh}
    assert {*tmp_path.iterdir()} == {again.parent, fresh.parent}


def test_an_upload_stays_while_it_is_used_and_is_missed_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    path = Path(download(b"upload", "mine.png"))
    age(path, path.parent)
    assert uploaded({"path": str(path)}) == path
    scratch.sweep(tmp_path, HOUR_AGO + 60)
    assert path.exists()
    age(path, path.parent)
    scratch.sweep(tmp_path, HOUR_AGO + 60)
    with pytest.raises(RequestError, match="no longer there: please hand it in once more"):
        uploaded({"path": str(path)})


def test_a_hub_sweeps_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(scratch, "KEPT", 0.01)

    async def wait() -> None:
        async with scratch.scratch():
            path = Path(download(b"picture", "picture.png"))
            while path.exists():
                await asyncio.sleep(0.01)

    run(asyncio.wait_for(wait(), 30))

"""What goes wrong on the way from the Hub: one sentence, the good copy where there is one, nothing half-written."""

import contextlib
import fcntl
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from hub.contract import MANIFEST
from hub.errors import BundleError
from hub.weights import resolve
from hub.weights.remote import PIECE
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.hub.weights.published import REPO, got, refusal
from tests.hub_stand_in import READ_ONLY, HubStandIn, files_of


@pytest.mark.parametrize(
    ("about", "token", "said"),
    [
        ({"private": True}, None, "if it is private, set HF_TOKEN"),
        ({"private": True}, "hf_wrong", "if it is private, set HF_TOKEN"),
        ({"gated": True}, None, "is gated"),
        ({"gated": True}, READ_ONLY, "is gated"),
    ],
)
def test_what_is_not_for_us_says_so(
    about: dict[str, bool],
    token: str | None,
    said: str,
    hub_stand_in: HubStandIn,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub_stand_in.add("someone/closed", files_of(bundle), **about)
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    assert said in refusal("someone/closed")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_the_files_themselves_says_so(status: int, published: HubStandIn) -> None:
    published.fail("resolve", method="HEAD", status=status, times=99)
    assert f"does not let us have {REPO} (status {status})" in refusal(REPO)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("someone/nothing", "has no repository someone/nothing"),
        (f"{REPO}@v9", "has no revision v9"),
        (f"{REPO}@{'b' * 40}", "has no revision bbbb"),
        ("someone/photos", "is neither a bundle of this hub nor"),
    ],
)
def test_what_is_not_there_says_so(name: str, said: str, published: HubStandIn) -> None:
    published.add("someone/photos", {"README.md": b"cats"})
    assert said in refusal(name)


@pytest.mark.usefixtures("quick")
def test_a_5xx_in_the_middle_of_it_passes_with_patience(published: HubStandIn) -> None:
    published.fail("decoder", status=503, times=2)
    assert resolve(REPO).source == "hub"


@pytest.mark.usefixtures("quick")
def test_a_5xx_that_stays_is_refused_and_the_files_that_came_are_kept(published: HubStandIn) -> None:
    published.fail("encoder", status=503, times=99)
    assert "(status 503)" in refusal(REPO)
    published.faults.clear()
    published.requests.clear()
    resolve(REPO)
    assert "onnx/decoder.onnx" not in got(published) and "onnx/encoder.onnx" in got(published)


def test_a_dropped_connection_is_taken_up_where_it_broke(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "fat", ballast=3 * PIECE)
    hub_stand_in.add(REPO, files_of(tmp_path / "fat"))
    hub_stand_in.fail("decoder", drop_after=2 * PIECE + 1000)
    found = resolve(REPO)
    assert (found.folder / "onnx/decoder.onnx").read_bytes() == (tmp_path / "fat/onnx/decoder.onnx").read_bytes()
    assert [at for path, at in hub_stand_in.sent if path == "onnx/decoder.onnx"] == [0, 2 * PIECE]


def test_a_process_that_was_killed_leaves_whole_files_and_no_half_of_one(
    hub_stand_in: HubStandIn, tmp_path: Path
) -> None:
    write_tiny_bundle(tmp_path / "fat", ballast=300_000)
    hub_stand_in.add(REPO, files_of(tmp_path / "fat"))
    hub_stand_in.fail("encoder", stall_after=1000)
    command = [sys.executable, "-m", "hub.cli", "run", REPO, "--out", str(tmp_path / "o.png")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while not any(path == "onnx/encoder.onnx" for path, _ in hub_stand_in.sent):
            assert running.poll() is None
            time.sleep(0.02)
        running.kill()
    hub_stand_in.released.set()
    assert not list((tmp_path / "hf").rglob("*/onnx/encoder.onnx"))
    hub_stand_in.sent.clear()
    found = resolve(REPO)
    assert (found.folder / "onnx/encoder.onnx").read_bytes() == (tmp_path / "fat/onnx/encoder.onnx").read_bytes()
    assert "onnx/decoder.onnx" not in [path for path, _ in hub_stand_in.sent], "it had come, and is not fetched again"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("truncated", "is not the file that the manifest describes"),
        ("tampered", "does not match its sha256"),
        ("schema", "schema version 99"),
        ("no manifest", "is neither a bundle of this hub nor"),
        ("broken off", "(status 503)"),
    ],
)
def test_a_new_revision_that_is_not_right_leaves_the_one_before_in_service(
    harm: str, said: str, published: HubStandIn, tmp_path: Path
) -> None:
    before = resolve(REPO)
    write_tiny_bundle(tmp_path / "new", weights_seed=1)
    files = files_of(tmp_path / "new")
    match harm:
        case "truncated":
            files["onnx/decoder.onnx"] = files["onnx/decoder.onnx"][:100]
        case "tampered":
            published.fail("decoder", flip=True, times=99)
        case "schema":
            files[MANIFEST] = files[MANIFEST].replace(b'"schema_version": 1', b'"schema_version": 99')
        case "no manifest":
            del files[MANIFEST]
        case _:
            published.fail("encoder", status=503, times=99)
    published.add(REPO, files)
    for _ in range(2):  # at the next start, too
        found = resolve(REPO)
        assert found.bundle == before.bundle and found.folder == before.folder
        assert said in found.reason and found.reason.endswith("The copy in the cache is used.")
    published.__exit__()
    assert resolve(REPO).folder == before.folder, "and with the server down"


@pytest.mark.usefixtures("quick")
def test_a_byte_changed_on_the_way_is_fetched_once_more(published: HubStandIn) -> None:
    published.fail("decoder", flip=True)
    found = resolve(REPO)
    assert got(published).count("onnx/decoder.onnx") == 2
    assert found.bundle.variants["fp32"].files["decoder"].bytes == (found.folder / "onnx/decoder.onnx").stat().st_size


@pytest.mark.usefixtures("quick")
def test_a_byte_that_is_always_changed_is_refused(published: HubStandIn) -> None:
    published.fail("decoder", flip=True, times=99)
    assert "onnx/decoder.onnx does not match its sha256" in refusal(REPO, BundleError)


def test_a_cache_that_rotted_is_mended(published: HubStandIn) -> None:
    pinned = f"{REPO}@{published.repos[REPO].main}"
    graph = resolve(pinned).folder / "onnx/decoder.onnx"
    content = graph.read_bytes()
    graph.resolve().chmod(0o644)
    graph.resolve().write_bytes(content[: len(content) // 2])
    assert (resolve(pinned).folder / "onnx/decoder.onnx").read_bytes() == content


def test_a_full_disk_leaves_nothing_half_written(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "fat", ballast=3_000_000)
    hub_stand_in.add(REPO, files_of(tmp_path / "fat"))
    command = [sys.executable, "-m", "hub.cli", "run", REPO, "--out", str(tmp_path / "o.png")]

    def run(limit: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )

    ran = run(1_000_000)
    assert ran.returncode == 2, ran.stderr
    assert sentence(ValueError(ran.stderr.splitlines()[-1])).startswith("genhub run: The disk is full")
    assert not (tmp_path / "o.png").exists()
    cached = [path for path in (tmp_path / "hf").rglob("*") if path.is_file() and not path.is_symlink()]
    assert all(path.stat().st_size < 1_000_000 for path in cached)
    assert not [path for path in cached if path.suffix == ".incomplete"]
    assert run(10_000_000).returncode == 0
    assert (tmp_path / "o.png").exists()


def test_a_terminal_shows_how_far_it_is_and_no_chatter(published: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS")
    command = [sys.executable, "-m", "hub.cli", "models", "--models", REPO]
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as running:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal is closed
            while piece := os.read(ours, 4096):
                shown += piece
    os.close(ours)
    assert running.returncode == 0
    assert re.search(rb"onnx/decoder.onnx: 100%", shown)
    assert b"HTTP" not in shown

"""``hub.weights.resolve`` with the real client against a Hub on this machine: nothing half-written ever serves."""

import json
import logging
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

from hub import open_model
from hub.contract import MANIFEST, read_bundle
from hub.errors import BundleError, HubError, SourceError, UnknownModelError
from hub.runtime.engine import Engine
from hub.weights import fingerprint, resolve
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import describe, write_tiny_bundle
from tests.hub_stand_in import READ_ONLY, TOKEN, HubStandIn, files_of

REPO = "someone/tiny"


def variants_and_more(folder: Path) -> Path:
    """The tiny bundle, with an int8 variant, and beside it what serving has no use for."""
    write_tiny_bundle(folder, examples=1)
    for graph in ("decoder", "encoder", "prior"):
        model = onnx.load(folder / f"onnx/{graph}.onnx")
        model.doc_string = "int8"
        onnx.save(model, folder / f"onnx/{graph}_quantized.onnx")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n# Tiny\n")
    (folder / "model.safetensors").write_bytes(b"weights for PyTorch")
    manifest = json.loads((folder / MANIFEST).read_text())
    quantized = {
        name: describe(folder / f"onnx/{name}_quantized.onnx", folder).model_dump() for name in manifest["graphs"]
    }
    manifest["variants"]["int8"] = manifest["variants"]["fp32"] | {"files": quantized}
    manifest["files"] += [describe(folder / name, folder).model_dump() for name in ("README.md", "model.safetensors")]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


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


def refusal(name: str | Path, kind: type[HubError] = SourceError) -> str:
    with pytest.raises(kind) as refused:
        resolve(name)
    return sentence(refused.value)


def got(hub: HubStandIn) -> list[str]:
    return [
        address.split("/", 5)[-1] for method, address, _ in hub.requests if method == "GET" and "resolve" in address
    ]


# ── Where it comes from ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_is_a_bundle_wherever_it_lies(tiny_bundle: Path) -> None:
    found = resolve(str(tiny_bundle))
    assert (found.bundle.id, found.folder, found.source) == ("tiny", tiny_bundle, "folder")


@pytest.mark.parametrize(
    "name", ["no-such-model", "x" * 10_000, "~nobody-of-that-name/x", "a\0b", "line\nbreak", "/a/b"]
)
def test_a_name_that_is_nothing_is_answered_with_what_there_is(name: str) -> None:
    assert "vae-fashion" in refusal(name, UnknownModelError)


def test_a_folder_that_is_no_bundle_says_so(tmp_path: Path) -> None:
    assert "is no bundle" in refusal(tmp_path, BundleError)


def test_any_repository_opens_by_its_name_and_only_the_wanted_variant_travels(published: HubStandIn) -> None:
    pictures = open_model(REPO).sample(count=2)
    assert pictures.shape == (2, 32, 32, 1)
    assert sorted(got(published)) == [
        "README.md", "bundle.json", "examples/01.png", "onnx/decoder.onnx", "onnx/encoder.onnx", "onnx/prior.onnx",
    ]  # fmt: skip


def test_the_variant_that_is_asked_for_is_the_one_that_travels(published: HubStandIn, turn: Turn) -> None:
    turn(variant="int8")
    assert Engine([REPO]).models["tiny"].choice.variant == "int8"
    assert [name for name in got(published) if name.endswith(".onnx")] == [
        f"onnx/{graph}_quantized.onnx" for graph in ("decoder", "encoder", "prior")
    ]


def test_another_variant_comes_when_it_is_asked_for(published: HubStandIn) -> None:
    found = resolve(REPO)
    before = len(got(published))
    found.fetch("int8")
    assert len(got(published)) == before + 3


def test_a_pinned_revision_in_a_warm_cache_is_silent(published: HubStandIn, bundle: Path) -> None:
    pinned = f"{REPO}@{published.repos[REPO].main}"
    assert resolve(pinned).reason == f"From the Hub: {pinned[:25]}."
    published.add(REPO, {"README.md": b"everything else is gone"})
    published.requests.clear()
    assert resolve(pinned).bundle == read_bundle(bundle)
    assert published.requests == []


def test_a_new_revision_is_noticed_and_an_old_one_stays_reachable(published: HubStandIn, tmp_path: Path) -> None:
    old = published.repos[REPO].main
    resolve(REPO)
    write_tiny_bundle(tmp_path / "new", weights_seed=1)
    new = published.add(REPO, files_of(tmp_path / "new"))
    assert resolve(REPO).bundle.training["seed"] == 1
    assert resolve(f"{REPO}@{new}").bundle.training["seed"] == 1
    assert resolve(f"{REPO}@{old}").bundle.training["seed"] == 0


def test_offline_a_warm_cache_serves_and_a_cold_one_says_so(
    published: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    pinned = f"{REPO}@{published.repos[REPO].main}"
    resolve(REPO)
    published.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    huggingface_hub.close_session()  # the client's connection has offline mode built in
    try:
        assert resolve(pinned).source == "hub"
        assert "HF_HUB_OFFLINE keeps the Hub from being asked. The copy in the cache is used." in resolve(REPO).reason
        assert "keeps the Hub from being asked" in refusal("someone/else")
        assert published.requests == []
    finally:
        huggingface_hub.close_session()


def test_with_the_server_down_a_warm_cache_serves_and_a_cold_one_says_so_soon(published: HubStandIn) -> None:
    resolve(REPO)
    published.__exit__()
    started = time.monotonic()
    found = resolve(REPO)
    assert found.source == "hub" and "cannot be reached" in found.reason and "copy in the cache" in found.reason
    assert "cannot be reached" in refusal("someone/else")
    assert time.monotonic() - started < 10


def test_a_repository_that_vanished_goes_on_from_the_cache(published: HubStandIn) -> None:
    pinned = f"{REPO}@{published.repos[REPO].main}"
    resolve(REPO)
    del published.repos[REPO]
    assert "no repository someone/tiny" in resolve(REPO).reason
    assert resolve(pinned).reason.startswith("From the Hub")


# ── The catalog's sources ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def own_catalog(turn: Turn, tmp_path: Path) -> Callable[..., None]:
    def write(**entry: object) -> None:
        path = tmp_path / f"catalog-{time.monotonic_ns()}.toml"
        path.write_text("[vae-fashion]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in entry.items()))
        turn(catalog=path)

    return write


def test_the_embedded_copy_of_the_pinned_revision_needs_no_network(
    hub_stand_in: HubStandIn, own_catalog: Callable[..., None]
) -> None:
    embedded = resolve("vae-fashion")
    assert embedded.reason == "It ships with the package."
    own_catalog(embedded=True, repo="me/vae-fashion", revision="a" * 40, manifest=fingerprint(embedded.folder))
    assert resolve("vae-fashion").reason == "It ships with the package and equals me/vae-fashion@aaaaaaaaaaaa."
    assert hub_stand_in.requests == []


def test_the_embedded_copy_stands_in_for_a_hub_that_fails_and_it_is_said(
    hub_stand_in: HubStandIn, own_catalog: Callable[..., None]
) -> None:
    own_catalog(embedded=True, repo="me/vae-fashion", revision="a" * 40)
    found = resolve("vae-fashion")
    assert found.source == "embedded"
    assert "no repository me/vae-fashion" in found.reason
    assert found.reason.endswith("The copy that ships with the package is used instead.")


@pytest.mark.parametrize("harm", ["graph", "manifest", "other bundle"])
def test_the_embedded_copy_stands_in_for_one_that_was_tampered_with(
    harm: str, hub_stand_in: HubStandIn, own_catalog: Callable[..., None], bundle: Path
) -> None:
    files = files_of(resolve("vae-fashion").folder)
    pin = fingerprint(resolve("vae-fashion").folder)[:-1] + "0"
    if harm == "graph":
        files["onnx/decoder.onnx"] = files["onnx/decoder.onnx"][:-1] + b"!"
    if harm == "other bundle":
        files = files_of(bundle)
    commit = hub_stand_in.add("me/vae-fashion", files)
    own_catalog(
        embedded=True, repo="me/vae-fashion", revision=commit, **({"manifest": pin} if harm == "manifest" else {})
    )
    found = resolve("vae-fashion")
    assert found.source == "embedded" and "is used instead" in found.reason
    said = {"graph": "onnx/decoder.onnx is not the file", "manifest": "the catalog pins", "other bundle": "'tiny'"}
    assert said[harm] in found.reason
    assert open_model("vae-fashion").sample(count=1).shape == (1, 32, 32, 1)


def test_a_namespace_takes_every_model_from_one_account(hub_stand_in: HubStandIn, turn: Turn) -> None:
    hub_stand_in.add("me/vae-fashion", files_of(resolve("vae-fashion").folder))
    turn(namespace="me")
    assert resolve("vae-fashion").source == "hub"
    assert resolve("gan-fashion").source == "embedded"


def test_without_another_copy_it_is_refused(hub_stand_in: HubStandIn, own_catalog: Callable[..., None]) -> None:
    own_catalog(repo="me/vae-fashion", revision="a" * 40)
    assert "no repository me/vae-fashion" in refusal("vae-fashion")


# ── What goes wrong on the way ───────────────────────────────────────────────────────────────────────────────────────


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
    write_tiny_bundle(tmp_path / "fat", ballast=300_000)
    hub_stand_in.add(REPO, files_of(tmp_path / "fat"))
    hub_stand_in.fail("decoder", drop_after=200_000)
    found = resolve(REPO)
    assert (found.folder / "onnx/decoder.onnx").read_bytes() == (tmp_path / "fat/onnx/decoder.onnx").read_bytes()
    assert got(hub_stand_in).count("onnx/decoder.onnx") == 2


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


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def spoiled(folder: Path, **changes: object) -> dict[str, bytes]:
    files = files_of(folder)
    files[MANIFEST] = json.dumps(json.loads(files[MANIFEST]) | changes).encode()
    return files


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("schema", "schema version 99"),
        ("truncated manifest", "is not JSON"),
        ("escape", "not one inside the bundle"),
        ("truncated", "not the file that the manifest describes"),
        ("missing", "has no onnx/prior.onnx"),
        ("huge manifest", "its bundle.json has"),
        ("oversize", "this hub takes"),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_in_one_sentence(
    harm: str, said: str, hub_stand_in: HubStandIn, bundle: Path, turn: Turn, tmp_path: Path
) -> None:
    files = files_of(bundle)
    match harm:
        case "schema":
            files = spoiled(bundle, schema_version=99)
        case "truncated manifest":
            files[MANIFEST] = files[MANIFEST][:500]
        case "escape":
            files[MANIFEST] = files[MANIFEST].replace(b"onnx/decoder.onnx", b"../../../../evil.onnx")
        case "truncated":
            files["onnx/decoder.onnx"] = files["onnx/decoder.onnx"][:100]
        case "missing":
            del files["onnx/prior.onnx"]
        case "huge manifest":
            files[MANIFEST] += b" " * 5_000_000
        case "oversize":
            turn(max_bundle_mb=1)
            write_tiny_bundle(tmp_path / "fat", ballast=1_100_000)
            files = files_of(tmp_path / "fat")
    hub_stand_in.add(REPO, files)
    assert said in refusal(REPO, HubError)
    if harm not in ("truncated", "missing"):  # refused by the manifest alone
        assert not [name for name in got(hub_stand_in) if name.endswith(".onnx")]


@pytest.mark.parametrize("harm", ["external data", "custom domain"])
def test_a_graph_that_does_not_keep_to_itself_is_refused_without_onnx(
    harm: str, hub_stand_in: HubStandIn, tmp_path: Path
) -> None:
    folder = tmp_path / "evil"
    write_tiny_bundle(folder)
    path = folder / "onnx/prior.onnx"
    model = onnx.load(path)
    if harm == "external data":
        onnx.external_data_helper.set_external_data(model.graph.initializer[0], "/etc/passwd")
        model.graph.initializer[0].ClearField("raw_data")
    else:
        model.graph.node[0].domain = "com.evil"
    path.write_bytes(model.SerializeToString())
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["variants"]["fp32"]["files"]["prior"] = describe(path, folder).model_dump()  # vouched for, and yet
    (folder / MANIFEST).write_text(json.dumps(manifest))
    hub_stand_in.add(REPO, files_of(folder))
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from hub.cli import dispatch; sys.exit(dispatch(sys.argv[1:]))"
    )  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", code, "run", REPO, "--out", str(tmp_path / "o.png")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 2
    said = sentence(ValueError(ran.stderr.splitlines()[-1]))
    assert {"external data": "keeps weights in another file", "custom domain": "'com.evil'"}[harm] in said


def test_a_link_out_of_the_cache_is_refused(published: HubStandIn, tmp_path: Path) -> None:
    found = resolve(REPO)
    graph = found.folder / "onnx/decoder.onnx"
    shutil.copy(graph, tmp_path / "elsewhere.onnx")
    graph.unlink()
    graph.symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleError, match="links out of its folder"):
        found.bundle and Engine([str(found.folder)]).models["tiny"].choice


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kept", ["environment", "store"])
def test_a_token_goes_into_a_header_and_nowhere_else(
    kept: str,
    hub_stand_in: HubStandIn,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if kept == "environment":
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    else:
        (tmp_path / "hf").mkdir()
        (tmp_path / "hf/token").write_text(TOKEN)
    hub_stand_in.add("me/private", files_of(bundle), private=True)
    hub_stand_in.fail("decoder", status=503)
    with caplog.at_level(logging.DEBUG):
        found = resolve("me/private")
        refusal("me/nothing")
    assert any(with_token for _, _, with_token in hub_stand_in.requests)
    said = caplog.text + "".join(capfd.readouterr()) + found.reason + repr(found)
    assert TOKEN not in said
    assert not any(TOKEN in address for _, address, _ in hub_stand_in.requests)
    written = [path for path in (tmp_path / "hf/hub").rglob("*") if path.is_file()]
    assert written and not any(TOKEN.encode() in path.read_bytes() for path in written)


def test_no_pickle_is_ever_read() -> None:
    """A file of ours that reads arrays or weights says that it wants no pickle in them."""
    root = Path(__file__).parents[3]
    for wing in ("hub", "training", "export"):
        for path in (root / wing).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(import|from) (pickle|dill|joblib|shelve)\b", text, re.MULTILINE), path
            for call in re.findall(r"np\.load\([^\n]*", text):
                assert "allow_pickle=False" in call, (path, call)
            for call in re.findall(r"torch\.load\([^\n]*", text):
                assert "weights_only=True" in call, (path, call)


def test_models_says_where_each_comes_from(published: HubStandIn) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "hub.cli", "models", "--models", REPO],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"GENHUB_PROVIDER": "cpu"},
    )
    assert f"tiny: From the Hub: {REPO}@{published.repos[REPO].main[:12]}." in ran.stdout, ran.stderr

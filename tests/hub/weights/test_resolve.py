"""``hub.weights.resolve`` with the real client against a Hub on this machine: nothing half-written ever serves."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub import open_model
from hub.contract import read_bundle
from hub.errors import BundleError, SourceError, UnknownModelError
from hub.runtime.engine import Engine
from hub.weights import fingerprint, resolve
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.hub.weights.published import REPO, got, refusal
from tests.hub_stand_in import HubStandIn, files_of


def test_a_folder_is_a_bundle_wherever_it_lies(tiny_bundle: Path) -> None:
    found = resolve(str(tiny_bundle))
    assert (found.bundle.id, found.folder, found.source) == ("tiny", tiny_bundle, "folder")


@pytest.mark.parametrize(
    "name",
    ["no-such-model", "x" * 10_000, "~nobody-of-that-name/x", "a\0b", "line\nbreak", "/a/b", "a/b@../../c", "a/b@/c"],
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
        said = f"HF_HUB_OFFLINE keeps the Hub from being asked for {REPO}@main. The copy in the cache is used."
        assert resolve(REPO).reason == said
        assert "keeps the Hub from being asked for someone/else" in refusal("someone/else")
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


@pytest.mark.parametrize("harm", ["gone", "damaged", "no bundle"])
def test_where_the_catalog_s_folder_fails_the_next_source_is_used(
    harm: str, hub_stand_in: HubStandIn, own_catalog: Callable[..., None], tmp_path: Path
) -> None:
    shipped = resolve("vae-fashion").folder
    folder = tmp_path / "mine"
    if harm != "gone":
        shutil.copytree(shipped, folder)
    if harm == "damaged":
        (folder / "onnx/decoder.onnx").write_bytes(b"half")
    if harm == "no bundle":
        (folder / "bundle.json").unlink()
    commit = hub_stand_in.add("me/vae-fashion", files_of(shipped))
    own_catalog(folder=str(folder), repo="me/vae-fashion", revision=commit, embedded=True)
    found = resolve("vae-fashion")
    assert found.source == "hub"
    assert found.reason.endswith(f"The copy of me/vae-fashion@{commit[:12]} is used instead.")
    own_catalog(folder=str(folder), embedded=True)
    assert resolve("vae-fashion").reason.endswith("The copy that ships with the package is used instead.")
    own_catalog(folder=str(folder))
    if harm == "damaged":
        assert "damaged" in refusal_at_use("vae-fashion")
    else:
        assert "is no bundle" in refusal("vae-fashion", BundleError)


def refusal_at_use(name: str) -> str:
    with pytest.raises(BundleError) as refused:
        Engine([name]).models[name].warm_up()
    return sentence(refused.value)


def test_a_folder_that_is_right_comes_before_the_hub(
    hub_stand_in: HubStandIn, own_catalog: Callable[..., None]
) -> None:
    shipped = resolve("vae-fashion").folder
    own_catalog(folder=str(shipped), repo="me/vae-fashion", revision="a" * 40)
    assert resolve("vae-fashion").reason == "The folder that the catalog names."
    assert hub_stand_in.requests == []


def test_a_damaged_copy_in_the_package_goes_back_to_the_hub_where_it_is_pinned(
    hub_stand_in: HubStandIn, own_catalog: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = resolve("vae-fashion").folder
    commit = hub_stand_in.add("me/vae-fashion", files_of(shipped))
    shutil.copytree(shipped, tmp_path / "package/vae-fashion")
    (tmp_path / "package/vae-fashion/onnx/decoder.onnx").write_bytes(b"half")
    monkeypatch.setattr(sys.modules["hub.weights.resolve"], "EMBEDDED", tmp_path / "package")
    own_catalog(embedded=True, repo="me/vae-fashion", revision=commit, manifest=fingerprint(shipped))
    found = resolve("vae-fashion")
    assert found.source == "hub" and "damaged" in found.reason
    assert open_model("vae-fashion").sample(count=1).shape == (1, 32, 32, 1)


def test_a_model_of_the_catalog_that_cannot_be_had_is_left_out_and_it_is_said(
    hub_stand_in: HubStandIn, turn: Turn, tmp_path: Path
) -> None:
    catalog = tmp_path / "mixed.toml"
    catalog.write_text(f'[theirs]\nrepo = "me/theirs"\nrevision = "{"a" * 40}"\n\n[gan-fashion]\nembedded = true\n')
    turn(catalog=catalog)
    engine = Engine()
    assert list(engine.models) == ["gan-fashion"]
    assert "has no repository me/theirs" in engine.missing["theirs"]
    with pytest.raises(SourceError, match="has no repository me/theirs"):
        Engine(["theirs", "gan-fashion"])
    listed = genhub("models")
    assert listed.returncode == 2
    assert "gan-fashion: It ships with the package." in listed.stdout
    assert "theirs: 127.0.0.1" in listed.stdout and "Traceback" not in listed.stderr
    assert json.loads(genhub("models", "--json").stdout)[-1].keys() == {"id", "trouble"}
    catalog.write_text(f'[theirs]\nrepo = "me/theirs"\nrevision = "{"a" * 40}"\n')
    refused = genhub("models")
    assert refused.returncode == 2 and "has no repository me/theirs" in refused.stderr


def test_models_lists_the_others_where_one_is_damaged(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bad")
    (tmp_path / "bad/onnx/decoder.onnx").write_bytes(b"half")
    listed = genhub("models", "--models", f"{tmp_path / 'bad'},gan-fashion")
    assert listed.returncode == 2
    assert "tiny: The bundle 'tiny' is damaged" in listed.stdout and "gan-fashion: It ships" in listed.stdout


def genhub(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "hub.cli", *arguments], capture_output=True, text=True, timeout=120)


def test_a_namespace_takes_every_model_from_one_account(hub_stand_in: HubStandIn, turn: Turn) -> None:
    hub_stand_in.add("me/vae-fashion", files_of(resolve("vae-fashion").folder))
    turn(namespace="me")
    assert resolve("vae-fashion").source == "hub"
    assert resolve("gan-fashion").source == "embedded"


def test_without_another_copy_it_is_refused(hub_stand_in: HubStandIn, own_catalog: Callable[..., None]) -> None:
    own_catalog(repo="me/vae-fashion", revision="a" * 40)
    assert "no repository me/vae-fashion" in refusal("vae-fashion")


def test_models_says_where_each_comes_from(published: HubStandIn) -> None:
    ran = genhub("models", "--models", REPO)
    assert f"tiny: From the Hub: {REPO}@{published.repos[REPO].main[:12]}." in ran.stdout, ran.stderr

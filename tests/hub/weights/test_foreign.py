"""Public repositories that are no bundles of ours, through the real client: an adapter opens them, or a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants

from hub.adapters import shipped
from hub.contract import Bundle, parse_bundle
from hub.errors import SourceError
from hub.weights import resolve
from tests.hub.conftest import Turn
from tests.hub.foreign_models import EMBEDDING, clip_repository, lama_repository, style_repository
from tests.hub.sentence import sentence
from tests.hub.weights.adapting import got, known, opened, refusal
from tests.hub_stand_in import Files, HubStandIn

LAMA, CLIP, MOSAIC = "Carve/LaMa-ONNX", "Xenova/clip-vit-base-patch32", "onnxmodelzoo/mosaic-9"


def test_the_adapters_that_ship_are_of_three_kinds() -> None:
    assert {name: adapter.task for name, adapter in shipped().items()} == {
        "lama": "inpaint", "clip": "clip", "fast-neural-style": "translate",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("repo", "files", "task", "title"),
    [
        (LAMA, lama_repository(), "inpaint", "LaMa · Carve/LaMa-ONNX"),
        (CLIP, clip_repository(), "clip", "CLIP · Xenova/clip-vit-base-patch32"),
        (MOSAIC, style_repository(), "translate", "Fast neural style · onnxmodelzoo/mosaic-9"),
    ],
)
def test_a_well_known_repository_opens_by_its_plain_name_at_the_revision_that_is_pinned(
    repo: str, files: Files, task: str, title: str, hub_stand_in: HubStandIn
) -> None:
    known(hub_stand_in, repo, files)
    hub_stand_in.add(repo, {"README.md": b"moved on"})
    model = opened(repo)
    assert (model.bundle.task, model.bundle.title, model.source) == (task, title, "hub")
    assert model.resolved.reason.endswith(f"no bundle, adapted as {model.bundle.family}.")
    assert isinstance(parse_bundle(model.bundle.to_json()), Bundle), "what was made is a manifest like any other"
    model.warm_up()


def test_any_other_repository_of_the_same_layout_opens_too(hub_stand_in: HubStandIn) -> None:
    commit = hub_stand_in.add("someone/My_LaMa", lama_repository())
    model = opened("someone/My_LaMa")
    assert (model.bundle.id, model.bundle.family) == ("my_lama", "lama")
    assert model.bundle.git_commit == commit and commit[:12] in model.resolved.reason
    assert opened(f"someone/My_LaMa@{commit}").bundle == model.bundle


def test_only_what_the_wanted_variant_needs_travels(hub_stand_in: HubStandIn, turn: Turn) -> None:
    hub_stand_in.add("someone/clip", clip_repository())
    assert list(resolve("someone/clip").bundle.variants) == ["fp32", "int8"], "fp16 lacks a graph"
    small = {"config.json", "preprocessor_config.json", "tokenizer.json"}
    assert got(hub_stand_in) == small | {"onnx/vision_model.onnx", "onnx/text_model.onnx"}
    turn(variant="int8")
    assert opened("someone/clip").choice.variant == "int8"
    assert "onnx/text_model_quantized.onnx" in got(hub_stand_in)


def test_the_manifest_says_what_is_known_and_nothing_else(hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/clip", clip_repository(), license="mit")
    bundle = resolve("someone/clip").bundle
    assert bundle.parameters == 3 * EMBEDDING + 100 * EMBEDDING
    assert (bundle.variants["fp32"].opset, bundle.variants["fp32"].ir_version) == (17, 10)
    assert bundle.variants["fp32"].parity["vision_model"].max_abs is None, "nobody measured it"
    assert bundle.metrics == () and bundle.licence == "mit"
    assert bundle.graphs["vision_model"].inputs[0].shape == ("batch", 3, 224, 224)
    assert bundle.graphs["text_model"].outputs[0].shape == ("batch", EMBEDDING)
    assert {file.path for file in bundle.files} == {"config.json", "preprocessor_config.json", "tokenizer.json"}


def test_how_pictures_get_in_is_said(hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    bundle = resolve("someone/lama").bundle
    assert "512 x 512 alone" in bundle.description and "one by one" in bundle.description
    assert bundle.image.dynamic and bundle.mask_hole == 255


@pytest.mark.parametrize("size", [224, {"height": 224, "width": 224}])
def test_a_size_is_found_wherever_this_generation_of_files_keeps_it(size: object, hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/clip", clip_repository(size=size))
    image = resolve("someone/clip").bundle.image
    assert (image.height, image.width, image.dynamic) == (224, 224, False)


# ── The cache ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pinned_revision_in_a_warm_cache_is_silent(hub_stand_in: HubStandIn) -> None:
    known(hub_stand_in, LAMA, lama_repository())
    commit = hub_stand_in.add("someone/clip", clip_repository())
    before = [opened(name).bundle for name in (LAMA, f"someone/clip@{commit}")]
    hub_stand_in.requests.clear()
    assert [opened(name).bundle for name in (LAMA, f"someone/clip@{commit}")] == before
    assert hub_stand_in.requests == []


def test_a_new_revision_is_noticed(hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/clip", clip_repository())
    assert resolve("someone/clip").bundle.graphs["text_model"].outputs[0].shape == ("batch", EMBEDDING)
    files = clip_repository()
    del files["onnx/text_model_quantized.onnx"]
    hub_stand_in.add("someone/clip", files)
    assert list(resolve("someone/clip").bundle.variants) == ["fp32"]


def test_with_the_server_down_the_last_one_met_serves_and_it_is_said(hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    opened("someone/lama")
    hub_stand_in.__exit__()
    found = resolve("someone/lama")
    assert "cannot be reached" in found.reason and "copy in the cache" in found.reason
    assert "cannot be reached" in refusal("someone/else", SourceError)


def test_offline_says_so_too(hub_stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    opened("someone/lama")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    close_session()
    try:
        assert "HF_HUB_OFFLINE" in resolve("someone/lama").reason
    finally:
        close_session()


def test_a_cache_that_rotted_is_mended(hub_stand_in: HubStandIn) -> None:
    known(hub_stand_in, LAMA, lama_repository())
    graph = resolve(LAMA).folder / "lama_fp32.onnx"
    content = graph.read_bytes()
    graph.resolve().chmod(0o644)
    graph.resolve().write_bytes(content[: len(content) // 2])
    assert (resolve(LAMA).folder / "lama_fp32.onnx").read_bytes() == content


def test_a_manifest_that_was_kept_and_rotted_is_made_again(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    known(hub_stand_in, LAMA, lama_repository())
    before = resolve(LAMA).bundle
    (kept,) = (tmp_path / "cache/adapted").rglob("*.json")
    kept.write_text(kept.read_text()[:100])
    assert resolve(LAMA).bundle == before


def test_models_lists_it_and_says_how(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    ran = subprocess.run(
        [sys.executable, "-m", "hub.cli", "models", "--models", "someone/lama"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "no bundle, adapted as lama" in ran.stdout and "inpaint" in ran.stdout, ran.stderr


def test_pulling_an_adapted_model_is_refused_in_words(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    ran = subprocess.run(
        [sys.executable, "-m", "hub.cli", "pull", "someone/lama", "--to", str(tmp_path / "box")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 2
    assert "someone/lama" in sentence(ValueError(ran.stderr.splitlines()[-1]))
    assert not (tmp_path / "box").exists()

"""Public repositories that are no bundles of ours, through the real client: an adapter opens them, or a sentence."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from huggingface_hub import close_session, constants

from hub.adapters import shipped
from hub.catalog import adapters, catalog
from hub.contract import Bundle, parse_bundle
from hub.errors import BundleError, HubError, SourceError
from hub.runtime.engine import Engine, Model
from hub.weights import resolve
from tests.hub.conftest import Turn
from tests.hub.foreign_models import EMBEDDING, clip_repository, lama_repository, style_repository
from tests.hub.sentence import sentence
from tests.hub_stand_in import Files, HubStandIn

LAMA, CLIP, MOSAIC = "Carve/LaMa-ONNX", "Xenova/clip-vit-base-patch32", "onnxmodelzoo/mosaic-9"


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


# ── Adapters of one's own ────────────────────────────────────────────────────────────────────────────────────────────

OWN = """
[holes]
repo = "someone/drawings"
revision = "{revision}"
adapter = "drawings"

[adapters.drawings]
title = "Drawings"
task = "inpaint"
description = "Fills holes in drawings."
licence = "MIT"
height = "settings.json#/side"
width = 64
beside = ["settings.json"]

[adapters.drawings.graphs.inpainter]
files = ["net.onnx"]
inputs.image = {{ name = "image", shape = ["n", 3, 64, 64], range = [0, 1] }}
inputs.mask = {{ name = "mask", shape = ["n", 1, 64, 64], range = [0, 1] }}
outputs.inpainted = {{ name = "output", shape = ["n", 3, 64, 64], range = [0, 255] }}
"""


@pytest.fixture
def own_catalog(turn: Turn, tmp_path: Path) -> Callable[[str], None]:
    def write(text: str) -> None:
        (tmp_path / "mine.toml").write_text(text)
        turn(catalog=tmp_path / "mine.toml")

    return write


def test_a_catalog_of_one_s_own_adapts_what_it_likes(
    hub_stand_in: HubStandIn, own_catalog: Callable[[str], None]
) -> None:
    files = {"net.onnx": lama_repository(size=64)["lama_fp32.onnx"], "settings.json": b'{"side": 64}'}
    commit = hub_stand_in.add("someone/drawings", files)
    own_catalog(OWN.format(revision=commit))
    assert list(catalog()) == ["holes"] and list(adapters()) == ["drawings", *shipped()]
    (model,) = Engine().models.values()
    assert (model.bundle.id, model.bundle.title) == ("holes", "Drawings · someone/drawings")
    image = np.full((2, 64, 64, 3), 50, np.uint8)
    mask = np.zeros((2, 64, 64, 1), np.uint8)
    mask[:, :8] = 255
    answer = model.run("inpainter", {"image": image, "mask": mask})["inpainted"]
    assert (answer[:, :8, :, 0] == 200).all() and (answer[:, 8:] == 50).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('task = "inpaint"', 'task = "swap"'), "adapters.drawings.task"),
        (("inputs.mask", "inputs.hole"), "needs the inputs ['image', 'mask']"),
        (("range = [0, 1] }\ninputs", "range = [1, 1] }\ninputs"), "two different ends"),
        (('shape = ["n", 1, 64, 64], ', 'shape = ["n", 64, 64], '), "four dimensions"),
        (('adapter = "drawings"', 'adapter = "paintings"'), "names the adapter 'paintings'"),
        (('adapter = "drawings"', 'adapter = "drawings"\nembedded = true'), "with nothing else"),
        (('files = ["net.onnx"]', 'files = ["../net.onnx"]'), "not one inside the bundle"),
        (('files = ["net.onnx"]', 'files = ["net.onnx"]\ncode = "import os"'), "code"),
        (('"settings.json#/side"', '"../settings.json#/side"'), "height"),
    ],
)
def test_an_adapter_that_says_what_it_may_not_is_one_sentence(
    change: tuple[str, str], said: str, own_catalog: Callable[[str], None]
) -> None:
    text = OWN.format(revision="a" * 40)
    assert change[0] in text
    own_catalog(text.replace(*change))
    with pytest.raises(HubError) as refused:
        catalog()
    assert said in sentence(refused.value)


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def spoiled(graph: bytes, harm: str) -> bytes:
    model = onnx.load_from_string(graph)
    if harm == "external data":
        onnx.external_data_helper.set_external_data(model.graph.initializer[0], "/etc/passwd")
        model.graph.initializer[0].ClearField("raw_data")
    else:
        model.graph.node[0].domain = "com.evil"
    content: bytes = model.SerializeToString()
    return content


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("photos", "neither a bundle of this hub nor laid out as a model that it can adapt (lama, clip, fast-"),
        ("half a layout", "neither a bundle"),
        ("another family", "neither a bundle"),
        ("external data", "keeps weights in another file"),
        ("custom domain", "'com.evil'"),
        ("no graph", "is no ONNX graph"),
        ("a pickle", "is no ONNX graph"),
        ("rotten opset", "is no ONNX graph"),
        ("other size", "'image' has the shape ['batch', 3, 256, 256], not [1, 3, 512, 512]"),
        ("other names", "there is no 'image'"),
        ("one input more", "has an input 'secret'"),
        ("oversize", "this hub takes 1"),
        ("broken json", "its config.json cannot be read"),
        ("deep json", "its config.json cannot be read"),
        ("no number", "no number from 1 to 65536 at its config.json#/projection_dim"),
        ("absurd number", "no number from 1 to 65536"),
        ("huge text", "its tokenizer.json has 17,000,000 bytes"),
        ("bad card", ""),
    ],
)
def test_what_is_not_right_is_refused_in_one_sentence(
    harm: str, said: str, hub_stand_in: HubStandIn, turn: Turn
) -> None:
    lama, clip = lama_repository(), clip_repository()
    match harm:
        case "photos":
            lama = {"cat.png": b"precious"}
        case "half a layout":
            lama = {path: content for path, content in clip.items() if "text" not in path}
        case "another family":
            lama = clip_repository(model_type="siglip")
        case "external data" | "custom domain":
            lama["lama_fp32.onnx"] = spoiled(lama["lama_fp32.onnx"], harm)
        case "no graph":
            lama["lama_fp32.onnx"] = b""
        case "a pickle":
            lama["lama_fp32.onnx"] = b"\x80\x04cposix\nsystem\n(S'touch /tmp/owned'\ntR."
        case "rotten opset":
            lama["lama_fp32.onnx"] += b"\x42\x01\xff"
        case "other size":
            lama = lama_repository(size=256)
        case "other names":
            lama["lama_fp32.onnx"] = style_repository()["mosaic-9.onnx"]
        case "one input more":
            model = onnx.load_from_string(lama["lama_fp32.onnx"])
            model.graph.input.append(onnx.helper.make_tensor_value_info("secret", 1, [1]))
            lama["lama_fp32.onnx"] = model.SerializeToString()
        case "oversize":
            turn(max_bundle_mb=1)
            model = onnx.load_from_string(lama["lama_fp32.onnx"])
            model.doc_string = " " * 1_100_000
            lama["lama_fp32.onnx"] = model.SerializeToString()
        case "broken json":
            lama = clip | {"config.json": b'{"model_type": '}
        case "deep json":
            lama = clip | {"config.json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000}
        case "no number":
            lama = clip_repository(projection_dim="512")
        case "absurd number":
            lama = clip_repository(projection_dim=10**9)
        case "huge text":
            lama = clip | {"tokenizer.json": b" " * 17_000_000}
        case "bad card":
            lama["README.md"] = b"\xff\xfe no text"
    hub_stand_in.add("someone/theirs", lama)
    if harm == "bad card":
        assert opened("someone/theirs").bundle.files == ()
        return
    assert said in refusal("someone/theirs")
    if harm in ("oversize", "no number", "absurd number"):
        assert not any(name.endswith(".onnx") for name in got(hub_stand_in)), "refused before it travelled"


@pytest.mark.parametrize("path", ["lama_fp32.onnx", "README.md"])
def test_a_byte_that_is_always_changed_on_the_way_is_refused(path: str, hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    hub_stand_in.fail(path, flip=True, times=99)
    said = refusal("someone/lama", BundleError)
    assert "damaged" in said and path in said


def test_a_byte_changed_on_the_way_is_fetched_once_more(hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    hub_stand_in.fail("lama_fp32.onnx", flip=True)
    hub_stand_in.fail("README.md", flip=True)
    opened("someone/lama").warm_up()


def test_two_graphs_in_json_are_never_code(hub_stand_in: HubStandIn) -> None:
    """What a repository says is compared and counted, and that is all."""
    evil = {"model_type": "clip", "projection_dim": EMBEDDING, "auto_map": {"AutoModel": "evil.Evil"}}
    files = clip_repository() | {"config.json": json.dumps(evil).encode(), "evil.py": b"import os; os._exit(3)"}
    hub_stand_in.add("someone/clip", files)
    opened("someone/clip").warm_up()
    assert "evil.py" not in got(hub_stand_in)


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

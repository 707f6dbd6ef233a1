"""Repositories that no adapter opens, or that are not what it describes: each is one sentence, and none is code."""

import json

import onnx
import pytest

from hub.errors import BundleError
from tests.hub.conftest import Turn
from tests.hub.foreign_models import EMBEDDING, clip_repository, lama_repository, style_repository
from tests.hub.weights.adapting import got, opened, refusal
from tests.hub_stand_in import HubStandIn


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

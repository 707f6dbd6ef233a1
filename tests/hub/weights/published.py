"""What the tests of weights publish on a Hub of their own, and what they ask about it."""

import json
from pathlib import Path

import onnx
import pytest

from hub.contract import MANIFEST
from hub.errors import HubError, SourceError
from hub.weights import resolve
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import describe, write_tiny_bundle
from tests.hub_stand_in import HubStandIn

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


def refusal(name: str | Path, kind: type[HubError] = SourceError) -> str:
    with pytest.raises(kind) as refused:
        resolve(name)
    return sentence(refused.value)


def got(hub: HubStandIn) -> list[str]:
    return [
        address.split("/", 5)[-1] for method, address, _ in hub.requests if method == "GET" and "resolve" in address
    ]

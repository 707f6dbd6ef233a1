"""A bundle of the task ``sample`` that is tiny but real: honest ONNX graphs, honest hashes, random weights.

    python -m tests.hub.tiny_bundle runs/tiny-bundle

Decoder, encoder and prior have the operators of the true models (Gemm, Conv, Resize, Relu), so that every provider
runs them, and take a millisecond to open.
"""

import argparse
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from hub.contract import (
    MANIFEST,
    POINTS,
    TASKS,
    Bundle,
    Direction,
    File,
    Graph,
    ImageSpec,
    Metric,
    Parity,
    Points,
    Port,
    Source,
    Variant,
)

LATENT_DIM, SIZE, CHANNELS = 8, 32, 1
LABELS = ("circle", "square", "star")
OPSET, IR_VERSION = 18, 10
ELEMENT_TYPES = {"uint8": TensorProto.UINT8, "float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


def write_tiny_bundle(
    folder: Path,
    *,
    bundle_id: str = "tiny",
    conditional: bool = False,
    encoder: bool = True,
    prior: bool = True,
    judge: bool = False,
    latent_dim: int = LATENT_DIM,
    examples: int = 0,
    directions: Sequence[str] = (),
    points: int = 0,
    weights_seed: int = 0,
    ballast: int = 0,
) -> Bundle:
    """Write the bundle into ``folder`` and return its manifest.

    ``points`` lie on the map, in turn of each class; ``examples`` white discs on black lie in their folder; ``ballast``
    bytes make the decoder's file fat.
    """
    random = np.random.RandomState(weights_seed)
    signature = TASKS["sample"]
    models = {"decoder": _decoder(random, latent_dim, conditional)}
    if ballast:
        models["decoder"].doc_string = " " * ballast
    if encoder:
        models["encoder"] = _encoder(random, latent_dim)
    if prior:
        models["prior"] = _prior(random, latent_dim)
    if judge:
        models["judge"] = _judge(random)

    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    files: dict[str, File] = {}
    for name, model in models.items():
        path = folder / "onnx" / f"{name}.onnx"
        onnx.save(model, path)
        files[name] = describe(path, folder)
    discs = [_disc(folder / "examples" / f"{number + 1:02d}.png", 4 + 2 * number) for number in range(examples)]
    if points:
        noise = np.random.RandomState(7).standard_normal((points, 2)).astype(np.float16)
        np.savez_compressed(folder / POINTS, noise=noise, label=(np.arange(points) % len(LABELS)).astype(np.uint8))
    beside = [*discs, *([folder / POINTS] if points else [])]
    bundle = Bundle(
        id=bundle_id,
        title="Tiny shapes",
        family="tiny",
        task="sample",
        description="Random weights: pictures of nothing, for tests.",
        licence="CC0-1.0",
        data=(Source(name="noise", version="1", licence="CC0-1.0", split="none"),),
        training={"preset": "none", "steps": 0, "seed": weights_seed},
        git_commit="0" * 40,
        created=datetime(2025, 1, 1, tzinfo=UTC),
        parameters=sum(
            int(np.prod(w.dims)) for name, model in models.items() if name != "judge" for w in model.graph.initializer
        ),
        image=ImageSpec(height=SIZE, width=SIZE, channels=CHANNELS),  # type: ignore[arg-type]
        latent_dim=latent_dim,
        labels=LABELS if conditional or judge else (),
        directions=tuple(
            Direction(name=name, vector=tuple(random.standard_normal(latent_dim)), auroc=0.9) for name in directions
        ),
        points=Points(classes=LABELS, shows=f"{points} test pictures of noise") if points else None,
        graphs={name: concrete(signature[name], latent_dim, labelled=conditional) for name in models},
        variants={
            "fp32": Variant(
                files=files,
                opset=OPSET,
                ir_version=IR_VERSION,
                parity={name: Parity(max_abs=0.0) for name in models},
                web=True,
            )
        },
        files=tuple(describe(path, folder) for path in beside),
        defaults={"cpu": "fp32", "cuda": "fp32", "web": "fp32"},
        metrics=(
            Metric(
                name="FID",
                value=400.0,
                higher_is_better=False,
                dataset="noise",
                split="none",
                seeds=(0,),
                evaluator="none",
                baselines={"noise": 400.0},
            ),
        ),
    )
    (folder / MANIFEST).write_text(bundle.to_json(), encoding="utf-8")
    return bundle


def _disc(path: Path, radius: int) -> Path:
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.where(x**2 + y**2 < radius**2, 255, 0).astype(np.uint8)).save(path)
    return path


def describe(path: Path, folder: Path) -> File:
    """The manifest's entry for a file that lies in ``folder``."""
    content = path.read_bytes()
    return File(
        path=path.relative_to(folder).as_posix(), sha256=hashlib.sha256(content).hexdigest(), bytes=len(content)
    )


def concrete(signature: Graph, latent_dim: int, *, labelled: bool) -> Graph:
    """A task's graph with this bundle's numbers in place of names, and without ``label`` where there are no labels."""
    sizes = {"height": SIZE, "width": SIZE, "channels": CHANNELS, "latent": latent_dim, "classes": len(LABELS)}

    def fill(ports: Sequence[Port]) -> tuple[Port, ...]:
        return tuple(
            port.model_copy(
                update={"shape": tuple(sizes.get(str(size), size) for size in port.shape), "optional": False}
            )
            for port in ports
            if labelled or port.name != "label"
        )

    return Graph(inputs=fill(signature.inputs), outputs=fill(signature.outputs))


def _decoder(random: np.random.RandomState, latent_dim: int, conditional: bool) -> onnx.ModelProto:
    weights = {
        "stem_w": _he(random, (latent_dim, 8 * 8 * 8), latent_dim),
        "stem_b": np.zeros(8 * 8 * 8, np.float32),
        "to_8x8": np.array([-1, 8, 8, 8], np.int64),
        "twice": np.array([1, 1, 2, 2], np.float32),
        "conv1": _he(random, (8, 8, 3, 3), 72),
        "conv2": _he(random, (CHANNELS, 8, 3, 3), 72),
        "white": np.array(255, np.float32),
    }
    nodes = []
    latent = "z"
    if conditional:
        weights["classes"] = random.standard_normal((len(LABELS), latent_dim)).astype(np.float32)
        nodes += [
            helper.make_node("Gather", ["classes", "label"], ["class"]),
            helper.make_node("Add", ["z", "class"], ["z_of_class"]),
        ]
        latent = "z_of_class"
    nodes += [
        helper.make_node("Gemm", [latent, "stem_w", "stem_b"], ["stem"]),
        helper.make_node("Reshape", ["stem", "to_8x8"], ["h8"]),
        helper.make_node("Relu", ["h8"], ["r8"]),
        helper.make_node("Resize", ["r8", "", "twice"], ["h16"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
        helper.make_node("Conv", ["h16", "conv1"], ["c16"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c16"], ["r16"]),
        helper.make_node("Resize", ["r16", "", "twice"], ["h32"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
        helper.make_node("Conv", ["h32", "conv2"], ["c32"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c32"], ["unit"]),
        helper.make_node("Mul", ["unit", "white"], ["grey"]),
        helper.make_node("Round", ["grey"], ["level"]),
        helper.make_node("Transpose", ["level"], ["channels_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["channels_last"], ["image"], to=TensorProto.UINT8),
    ]  # fmt: skip
    return _model("decoder", nodes, weights, latent_dim, conditional)


def _encoder(random: np.random.RandomState, latent_dim: int) -> onnx.ModelProto:
    weights = {
        "scale": np.array(1 / 127.5, np.float32),
        "one": np.array(1, np.float32),
        "conv": _he(random, (4, CHANNELS, 4, 4), 16),
        "head_w": _he(random, (4 * 8 * 8, latent_dim), 4 * 8 * 8),
        "head_b": np.zeros(latent_dim, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["levels", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["centred"]),
        helper.make_node("Transpose", ["centred"], ["channels_first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["channels_first", "conv"], ["c8"], strides=[4, 4]),
        helper.make_node("Relu", ["c8"], ["r8"]),
        helper.make_node("Flatten", ["r8"], ["flat"]),
        helper.make_node("Gemm", ["flat", "head_w", "head_b"], ["z"]),
    ]
    return _model("encoder", nodes, weights, latent_dim)


def _prior(random: np.random.RandomState, latent_dim: int) -> onnx.ModelProto:
    weights = {
        "w": _he(random, (latent_dim, latent_dim), latent_dim),
        "b": np.full(latent_dim, 0.1, np.float32),
    }
    return _model("prior", [helper.make_node("Gemm", ["noise", "w", "b"], ["z"])], weights, latent_dim)


def _judge(random: np.random.RandomState) -> onnx.ModelProto:
    weights: dict[str, np.ndarray] = {
        "scale": np.array(1 / 127.5, np.float32),
        "flat_length": np.array([-1, SIZE * SIZE * CHANNELS], np.int64),
        "w": _he(random, (SIZE * SIZE * CHANNELS, len(LABELS)), SIZE),
        "b": np.zeros(len(LABELS), np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["levels", "scale"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "flat_length"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    return _model("judge", nodes, weights, 0)


def _he(random: np.random.RandomState, shape: tuple[int, ...], fan_in: int) -> np.ndarray:
    return (random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)


def _model(
    graph: str,
    nodes: list[onnx.NodeProto],
    weights: dict[str, np.ndarray],
    latent_dim: int,
    conditional: bool = False,
) -> onnx.ModelProto:
    ports = concrete(TASKS["sample"][graph], latent_dim, labelled=conditional)

    def infos(side: Sequence[Port]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(port.name, ELEMENT_TYPES[port.dtype], port.shape) for port in side]

    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, graph, infos(ports.inputs), infos(ports.outputs), tensors),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the tiny test bundle into a folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--id", default="tiny")
    parser.add_argument("--conditional", action="store_true")
    args = parser.parse_args()
    write_tiny_bundle(args.folder, bundle_id=args.id, conditional=args.conditional)
    print(args.folder)


if __name__ == "__main__":
    main()

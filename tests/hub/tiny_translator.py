"""A bundle of the task ``translate`` that is tiny but real: it blurs, so noise grows less and edges grow soft.

    python -m tests.hub.tiny_translator runs/tiny-denoiser

Three parts of a 5 x 5 blur and one of the mean over squares of 4 x 4: it looks 3 pixels far, and strides like a true
net, so that a tile that begins in the wrong place gives other pixels. ``inverse`` gives the negative.

With ``drawings`` it turns colours: its examples are outlines on white, and red, green and blue change places. The way
back loses nothing, so there and back again is the same picture.
"""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from hub.contract import MANIFEST, TASKS, Bundle, Damage, Graph, ImageSpec, Parity, Port, Source, Variant
from tests.hub.tiny_bundle import ELEMENT_TYPES, IR_VERSION, OPSET, describe

MULTIPLE, REACH, SIZE = 4, 3, 32
NOISE = Damage(kind="gaussian noise", lowest=0, highest=55)


def write_tiny_translator(
    folder: Path,
    *,
    bundle_id: str = "tiny-denoiser",
    title: str = "Tiny denoiser",
    channels: int = 1,
    dynamic: bool = True,
    reach: int | None = REACH,
    restores: bool = True,
    damage: Damage = NOISE,
    inverse: bool = False,
    examples: int = 2,
    targets: bool = True,
    drawings: bool = False,
    size: int = SIZE,
    sides: tuple[str, str] | None = None,
    told: bool = False,
    meter: bool = False,
) -> Bundle:
    """Write the bundle into ``folder`` and return its manifest.

    A ``told`` one takes a level: 0 leaves a pixel as it is, 50 and more blurs it, as does one that is not known; what
    lies between is mixed. A ``meter`` reads a tenth of a picture's mean. ``examples`` smooth pictures with noise lie in
    the folder of that name; without it, as ``targets``, in theirs.
    """
    names = ["translator", *(["inverse"] if inverse else []), *(["meter"] if meter else [])]
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    graphs, files = {}, {}
    for name in names:
        signature = TASKS["translate"][name]
        graphs[name] = _concrete(signature if told else signature.required(), channels, dynamic, size)
        path = folder / "onnx" / f"{name}.onnx"
        onnx.save(
            _mean(graphs[name], name)
            if name == "meter"
            else _turn(graphs[name], name)
            if drawings
            else _blur(graphs[name], name, channels, told and name == "translator"),
            path,
        )
        files[name] = describe(path, folder)
    beside = _examples(folder, channels, examples, targets, size if drawings else None)
    bundle = Bundle(
        id=bundle_id,
        title=title if restores else f"Tiny translator {bundle_id}" if drawings else "Tiny translator",
        family="tiny",
        task="translate",
        description="A blur, for tests.",
        licence="CC0-1.0",
        data=(Source(name="noise", version="1", licence="CC0-1.0", split="none"),),
        training={"preset": "none", "steps": 0, "seed": 0},
        git_commit="0" * 40,
        created=datetime(2025, 1, 1, tzinfo=UTC),
        parameters=25,
        image=ImageSpec(
            height=size,
            width=size,
            channels=channels,  # type: ignore[arg-type]
            dynamic=dynamic,
            multiple=MULTIPLE if dynamic else 1,
        ),
        restores=damage if restores else None,
        reach=reach if dynamic else None,
        sides=sides,
        graphs=graphs,
        variants={
            "fp32": Variant(
                files=files,
                opset=OPSET,
                ir_version=IR_VERSION,
                parity={name: Parity(max_abs=0.0) for name in names},
                web=True,
            )
        },
        files=tuple(describe(path, folder) for path in beside),
        defaults={"cpu": "fp32", "cuda": "fp32", "web": "fp32"},
    )
    (folder / MANIFEST).write_text(bundle.to_json(), encoding="utf-8")
    return bundle


def smooth(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    """A picture of slow waves, uint8 [height, width, channels]: what a blur hardly changes."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width] / 32
    turns = random.uniform(0, 2 * np.pi, (channels, 2))
    waves = [np.sin(x * (1 + k / 2) + right) * np.cos(y + down) for k, (right, down) in enumerate(turns)]
    picture: np.ndarray = (127.5 + 100 * np.stack(waves, axis=2)).round().astype(np.uint8)
    return picture


def outline(size: int, seed: int = 0) -> np.ndarray:
    """A round drawing in blue on white, uint8 [size, size, 3]."""
    picture = Image.new("RGB", (size, size), "white")
    pen, at = ImageDraw.Draw(picture), size * (0.2 + 0.02 * (seed % 4))
    pen.ellipse((at, at, size - at, size - at), outline="blue", width=max(1, size // 32))
    pen.line((size // 2, at, size // 2, size * (0.4 + 0.1 * (seed % 5))), fill="black", width=max(1, size // 32))
    return np.asarray(picture)


def _examples(folder: Path, channels: int, count: int, targets: bool, drawn: int | None) -> list[Path]:
    paths = []
    for number in range(count):
        if drawn:
            kinds = {"examples": outline(drawn, number), "targets": outline(drawn, number)[..., [1, 2, 0]]}
        else:
            clean = smooth(SIZE, SIZE, channels, seed=number)
            noise = np.random.RandomState(number).standard_normal(clean.shape) * 25
            kinds = {"examples": (clean + noise).round().clip(0, 255).astype(np.uint8), "targets": clean}
        for kind, picture in kinds.items():
            if kind == "examples" or targets:
                path = folder / kind / f"{number + 1:02d}.png"
                path.parent.mkdir(exist_ok=True)
                Image.fromarray(picture[..., 0] if channels == 1 else picture).save(path)
                paths.append(path)
    return paths


def _concrete(signature: Graph, channels: int, dynamic: bool, size: int) -> Graph:
    sizes = {"channels": channels} | ({} if dynamic else {"height": size, "width": size})

    def fill(ports: Sequence[Port]) -> tuple[Port, ...]:
        return tuple(
            port.model_copy(update={"shape": tuple(sizes.get(str(size), size) for size in port.shape)})
            for port in ports
        )

    return Graph(inputs=fill(signature.inputs), outputs=fill(signature.outputs))


def _turn(ports: Graph, name: str) -> onnx.ModelProto:
    """Green, blue and red in place of red, green and blue; the inverse puts them back."""
    places = np.array([2, 0, 1] if name == "inverse" else [1, 2, 0], np.int64)
    return _model(
        ports, name, [helper.make_node("Gather", ["image", "places"], ["translated"], axis=3)], {"places": places}
    )


def _mean(ports: Graph, name: str) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["levels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "ten"], ["level"]),
    ]
    return _model(ports, name, nodes, {"axes": np.array([1, 2, 3], np.int64), "ten": np.array(10, np.float32)})


def _blur(ports: Graph, name: str, channels: int, told: bool) -> onnx.ModelProto:
    row = np.array([1, 4, 6, 4, 1], np.float32) / 16
    weights = {
        "kernel": np.tile(np.outer(row, row), (channels, 1, 1, 1)).astype(np.float32),
        "larger": np.array([1, 1, MULTIPLE, MULTIPLE], np.float32),
        "most": np.array(0.75, np.float32),
        "rest": np.array(0.25, np.float32),
        "white": np.array(255, np.float32),
        "none": np.array(0, np.float32),
        "strong": np.array(50, np.float32),
        "all": np.array(1, np.float32),
    }
    mixed = [
        helper.make_node("Transpose", ["level"], ["map"], perm=[0, 3, 1, 2]),
        helper.make_node("Less", ["map", "none"], ["unknown"]),
        helper.make_node("Where", ["unknown", "strong", "map"], ["known"]),
        helper.make_node("Div", ["known", "strong"], ["unbounded"]),
        helper.make_node("Min", ["unbounded", "all"], ["share"]),
        helper.make_node("Sub", ["blurred", "planes"], ["change"]),
        helper.make_node("Mul", ["change", "share"], ["partly"]),
        helper.make_node("Add", ["planes", "partly"], ["mixed"]),
    ]
    made = "negative" if name == "inverse" else "mixed" if told else "blurred"
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["levels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["soft"], pads=[2, 2, 2, 2], group=channels),
        helper.make_node("AveragePool", ["planes"], ["means"], kernel_shape=[MULTIPLE] * 2, strides=[MULTIPLE] * 2),
        helper.make_node("Resize", ["means", "", "larger"], ["squares"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
        helper.make_node("Mul", ["soft", "most"], ["softly"]),
        helper.make_node("Mul", ["squares", "rest"], ["squarely"]),
        helper.make_node("Add", ["softly", "squarely"], ["blurred"]),
        helper.make_node("Sub", ["white", "blurred"], ["negative"]),
        *(mixed if told else []),
        helper.make_node("Round", [made], ["rounded"]),
        helper.make_node("Transpose", ["rounded"], ["channels_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["channels_last"], ["translated"], to=TensorProto.UINT8),
    ]  # fmt: skip
    return _model(ports, name, nodes, weights)


def _model(
    ports: Graph, name: str, nodes: Sequence[onnx.NodeProto], weights: Mapping[str, np.ndarray]
) -> onnx.ModelProto:
    def infos(side: Sequence[Port]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(port.name, ELEMENT_TYPES[port.dtype], port.shape) for port in side]

    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, name, infos(ports.inputs), infos(ports.outputs), tensors),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the tiny denoiser into a folder.")
    parser.add_argument("folder", type=Path)
    write_tiny_translator(parser.parse_args().folder)


if __name__ == "__main__":
    main()

"""Public models that are no bundles of ours, as small graphs of the same signatures in the same files.

What each graph does is easy to tell from its answer: so a test sees what went in.
"""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.hub_stand_in import Files

IR_VERSION, OPSET = 10, 17
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
Shape = list[int | str]
EMBEDDING, VOCABULARY = 16, 100


def graph(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, tuple[int, Shape]],
    outputs: dict[str, tuple[int, Shape]],
    **weights: np.ndarray,
) -> bytes:
    """An ONNX file."""

    def infos(ports: dict[str, tuple[int, Shape]]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in ports.items()]

    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "graph", infos(inputs), infos(outputs), tensors),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def lama(batch: int | str = "batch", size: int = 512) -> bytes:
    """image, and in the hole 200 in red, 100 in green, and 255 times the image's own mean in blue, in [0, 255]."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Mul", ["mean", "blue"], ["mean_in_blue"]),
        helper.make_node("Add", ["mean_in_blue", "red_green"], ["paint"]),
        helper.make_node("Mul", ["paint", "mask"], ["painted"]),
        helper.make_node("Add", ["image", "painted"], ["both"]),
        helper.make_node("Mul", ["both", "white"], ["output"]),
    ]
    return graph(
        nodes,
        {"image": (FLOAT, [batch, 3, size, size]), "mask": (FLOAT, [batch, 1, size, size])},
        {"output": (FLOAT, [batch, 3, size, size])},
        red_green=np.array([200, 100, 0], np.float32).reshape(1, 3, 1, 1) / 255,
        blue=np.array([0, 0, 1], np.float32).reshape(1, 3, 1, 1),
        white=np.array(255, np.float32),
    )


def style(size: int = 224) -> bytes:
    """Red and blue change places, and all is 10 brighter: beyond 255 where it was white."""
    nodes = [
        helper.make_node("Gather", ["input1", "order"], ["swapped"], axis=1),
        helper.make_node("Add", ["swapped", "brighter"], ["output1"]),
    ]
    return graph(
        nodes,
        {"input1": (FLOAT, [1, 3, size, size])},
        {"output1": (FLOAT, [1, 3, size, size])},
        order=np.array([2, 1, 0], np.int64),
        brighter=np.array(10, np.float32),
    )


def clip_vision() -> bytes:
    random = np.random.RandomState(0)
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["last_hidden_state"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["last_hidden_state", "w"], ["image_embeds"]),
    ]
    return graph(
        nodes,
        {"pixel_values": (FLOAT, ["batch_size", "num_channels", "height", "width"])},
        {"image_embeds": (FLOAT, ["batch_size", EMBEDDING]), "last_hidden_state": (FLOAT, ["batch_size", 3])},
        w=random.standard_normal((3, EMBEDDING)).astype(np.float32),
    )


def clip_text(masked: bool = False) -> bytes:
    """As most such exports it takes no attention mask; ``masked`` ones count only what is not masked."""
    random = np.random.RandomState(1)
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["words"])]
    inputs: dict[str, tuple[int, Shape]] = {"input_ids": (INT64, ["batch_size", "sequence_length"])}
    words = "words"
    if masked:
        inputs["attention_mask"] = (INT64, ["batch_size", "sequence_length"])
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["counted"], to=FLOAT),
            helper.make_node("Unsqueeze", ["counted", "last"], ["each"]),
            helper.make_node("Mul", ["words", "each"], ["masked"]),
        ]
        words = "masked"
    nodes.append(helper.make_node("ReduceSum", [words, "tokens"], ["text_embeds"], keepdims=0))
    return graph(
        nodes,
        inputs,
        {"text_embeds": (FLOAT, ["batch_size", EMBEDDING])},
        table=random.standard_normal((VOCABULARY, EMBEDDING)).astype(np.float32),
        tokens=np.array([1], np.int64),
        **({"last": np.array([2], np.int64)} if masked else {}),
    )


def again(graph: bytes, said: str) -> bytes:
    """The same graph in other bytes, so that it is a file of its own."""
    model = onnx.load_from_string(graph)
    model.doc_string = said
    content: bytes = model.SerializeToString()
    return content


def lama_repository(**how: int | str) -> Files:
    return {
        "README.md": b"---\nlicense: apache-2.0\n---\n# LaMa\n",
        "lama.onnx": b"an older export",
        "lama_fp32.onnx": lama(**how),  # type: ignore[arg-type]
    }


def style_repository(name: str = "mosaic-9") -> Files:
    return {"README.md": b"# Mosaic\n", f"{name}.onnx": style()}


def clip_repository(masked: bool = False, size: object = 224, model_type: str = "clip", **config: object) -> Files:
    said = {"model_type": model_type, "projection_dim": EMBEDDING, "vision_config": {}, **config}
    return {
        "config.json": json.dumps(said).encode(),
        "preprocessor_config.json": json.dumps({"crop_size": size, "size": {"shortest_edge": 224}}).encode(),
        "tokenizer.json": b'{"model": {}}',
        "onnx/vision_model.onnx": clip_vision(),
        "onnx/text_model.onnx": clip_text(masked),
        "onnx/vision_model_quantized.onnx": again(clip_vision(), "int8"),
        "onnx/text_model_quantized.onnx": again(clip_text(masked), "int8"),
        "onnx/vision_model_fp16.onnx": clip_vision(),  # and no text model beside it
    }

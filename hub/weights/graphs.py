"""What an ONNX file of somebody else's may hold: no weights in other files, no operators that ONNX does not define.

The serving install has no ``onnx`` package, and parsing gigabytes of weights into objects to look at names would be a
waste. So this walks protobuf's wire format in place and steps over everything but the messages that can hold a
tensor's location or an operator's domain. Field numbers are those of ``onnx.proto``, which may never change them.
"""

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub.errors import BundleError

CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Function": {7: "Node", 11: "Attribute"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
}
"""Message -> field -> the message in it, as far as they are looked into."""
NODE_DOMAIN, TENSOR_EXTERNAL_DATA, TENSOR_DATA_LOCATION, MODEL_GRAPH = 7, 13, 14, 7
MODEL_IR_VERSION, MODEL_OPSET, GRAPH_INITIALIZER, TENSOR_DIMS, TENSOR_TYPE = 1, 8, 5, 1, 2
WEIGHT_TYPES = frozenset({1, 2, 3, 10, 16})
"""float32, uint8, int8, float16, bfloat16."""
STANDARD_DOMAINS = frozenset({b"", b"ai.onnx"})
MAX_DEPTH = 64
"""Of messages within messages: no real graph nests its branches and loops anywhere near as deep."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class About:
    """What an ONNX file says of itself."""

    ir_version: int
    opset: int
    """Of ONNX's own operators."""
    parameters: int
    """Numbers in its weights; shapes and indices do not count."""


class _MalformedError(ValueError):
    pass


def check_graph(path: Path, name: str, bundle_id: str) -> None:
    """Pass an ONNX file that keeps to itself.

    Args:
        path: the file.
        name: what it is called in the bundle, for the sentence.
        bundle_id: the bundle's id, likewise.

    Raises:
        BundleError: it is no ONNX file, keeps weights in another file (no hash of the manifest would cover them), or
            uses operators of a custom domain.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            trouble = _trouble(content)
    except (ValueError, IndexError):  # an empty file cannot be mapped; a broken one runs over its end
        trouble = "is no ONNX graph"
    except OSError as error:
        raise BundleError(f"The bundle '{bundle_id}' cannot be read: {name}: {error.strerror}.") from None
    if trouble:
        raise BundleError(f"The bundle '{bundle_id}' is refused: {name} {trouble}.")


def look_into(path: Path) -> About:
    """What the ONNX file at ``path``, which :func:`check_graph` has passed, says of itself."""
    ir_version = opset = parameters = 0
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for field, wire, value, stop in _fields(content, 0, len(content)):
            if (field, wire) == (MODEL_IR_VERSION, VARINT):
                ir_version = value
            elif (field, wire) == (MODEL_OPSET, BYTES):
                entries = list(_fields(content, value, stop))
                domains = [content[at:end] for number, kind, at, end in entries if (number, kind) == (1, BYTES)]
                if all(domain in STANDARD_DOMAINS for domain in domains):
                    opset = next((number for key, kind, number, _ in entries if (key, kind) == (2, VARINT)), opset)
            elif (field, wire) == (MODEL_GRAPH, BYTES):
                inside = _fields(content, value, stop)
                tensors = [(at, end) for key, kind, at, end in inside if (key, kind) == (GRAPH_INITIALIZER, BYTES)]
                parameters += sum(_weights(content, *tensor) for tensor in tensors)
    return About(ir_version, opset, parameters)


def _weights(content: mmap.mmap, start: int, end: int) -> int:
    """How many numbers a tensor holds; 0 where they are shapes or indices."""
    dims, kind = [], 0
    for field, wire, value, stop in _fields(content, start, end):
        if field == TENSOR_DIMS and wire == VARINT:
            dims.append(value)
        elif field == TENSOR_DIMS and wire == BYTES:  # packed
            while value < stop:
                size, value = _varint(content, value)
                dims.append(size)
        elif (field, wire) == (TENSOR_TYPE, VARINT):
            kind = value
    # A file of so many bytes holds no more numbers, whatever it says.
    return min(math.prod(dims), end - start) if kind in WEIGHT_TYPES else 0


def _trouble(content: mmap.mmap) -> str | None:
    waiting = [("Model", 0, len(content), 0)]
    has_graph = False
    while waiting:
        message, start, end, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return f"nests its graphs more than {MAX_DEPTH} deep"
        for field, wire, value, stop in _fields(content, start, end):
            if message == "Node" and field == NODE_DOMAIN and content[value:stop] not in STANDARD_DOMAINS:
                domain = content[value : min(stop, value + 60)].decode(errors="replace")
                return f"uses operators of the custom domain {domain!r}"
            if message == "Tensor" and (
                field == TENSOR_EXTERNAL_DATA or (field == TENSOR_DATA_LOCATION and value != 0)
            ):
                return "keeps weights in another file"
            child = CHILDREN[message].get(field)
            if child is not None and wire == BYTES:
                has_graph |= message == "Model" and field == MODEL_GRAPH
                waiting.append((child, value, stop, depth + 1))
    return None if has_graph else "is no ONNX graph"


def _fields(content: mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Field, wire type, and where its bytes begin and end (for a number: the number itself, and 0)."""
    while at < end:
        key, at = _varint(content, at)
        field, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(content, at)
            yield field, wire, value, 0
        elif wire == BYTES:
            length, at = _varint(content, at)
            if at + length > end:
                raise _MalformedError
            yield field, wire, at, at + length
            at += length
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:  # groups are as old as protobuf 1; ONNX has none
            raise _MalformedError
    if at != end:
        raise _MalformedError


def _varint(content: mmap.mmap, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where the next field begins."""
    number = shift = 0
    while True:
        byte = content[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
        if shift > 63:
            raise _MalformedError

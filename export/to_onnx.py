"""From a wrapped graph to one clean ONNX file: one exporter, one opset, nothing in it but the model.

torch.export traces with a batch of two and a dynamic first axis; the file is then stripped of what the exporter leaves
behind (Python stack traces with the paths of the exporting machine, class names, guesses at intermediate shapes), so
that the same weights give the same bytes, on every machine and in every folder.
"""

import logging
import warnings
from collections.abc import Iterator, Set
from functools import cache
from typing import Any

import onnx
import torch
from torch.export import Dim
from torch.onnx._internal.exporter._registration import ONNXRegistry

from export.errors import ExportError
from export.graphs import Arrays, Wrapped
from hub.contract import Port

OPSET = 18
MAX_IR_VERSION = 10
MAX_BATCH = 256
MAX_SIDE = 4096


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


DENIED = frozenset(
    {
        *("DFT", "STFT", "GridSample"),  # slow or unsupported in browsers and on GPUs
        *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"),
        *("If", "Loop", "Scan"),  # control flow keeps runtimes from planning memory
    }
)
"""Operators a graph may not hold unless its family declares them. Noise is an input: randomness is never inside."""

WEBGPU_OPERATORS = _names(
    """
    Abs Add ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvTranspose Cos Div Einsum Elu
    Equal Erf Exp Expand Flatten Floor Gather GatherElements Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log MatMul MaxPool Mul Neg Not Pad Pow Range
    Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Relu Reshape Resize Shape Sigmoid Sin Slice Softmax Split Sqrt Squeeze Sub Tan Tanh Tile Transpose
    Unsqueeze Where
    """
)
"""Operators with a WebGPU kernel in onnxruntime-web (its ``js/web/docs/webgpu-operators.md``), less control flow."""

WASM_ONLY_OPERATORS = _names(
    """
    And Constant ConstantOfShape CumSum DepthToSpace DequantizeLinear GatherND Gelu GroupNormalization HardSigmoid
    HardSwish Identity IsNaN LogSoftmax Max Mean Min Mod OneHot Or PRelu QuantizeLinear Round ScatterElements ScatterND
    Selu Sign Size Softplus Softsign SpaceToDepth Sum TopK Trilu Xor
    """
)
"""Operators that the WebAssembly build runs, which compiles all of ONNX Runtime's CPU kernels, and WebGPU hands to it.

The list is what image models use, not all that WebAssembly could do: an operator outside both lists makes a variant
``web: false`` until somebody has seen it run in a browser. uint8 tensors at the ports also stay on WebAssembly.
"""

_EXPORTER_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


def to_onnx(graph: Wrapped, feeds: Arrays, multiple: int = 1) -> onnx.ModelProto:
    """The ONNX model of ``graph``, traced with ``feeds`` (a batch of at least two, inputs by name).

    Heights and widths that the ports leave open are dynamic in steps of ``multiple``.

    Raises:
        ExportError: the module cannot be exported, or not with a dynamic batch.
    """
    if any(len(feeds[port.name]) < 2 for port in graph.ports.inputs):
        raise ValueError("trace with a batch of two or more: torch.export makes a constant of a batch of one")
    dims = _dims(graph, multiple)
    _read_operators_once()
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                graph.module,
                tuple(torch.from_numpy(feeds[port.name]) for port in graph.ports.inputs),
                input_names=[port.name for port in graph.ports.inputs],
                output_names=[port.name for port in graph.ports.outputs],
                dynamic_shapes={port.name: _dynamic_axes(port, dims) for port in graph.ports.inputs},
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter wraps whatever went wrong inside it in classes of its own
        reason = next((line for line in str(error.__cause__ or error).splitlines() if line.strip()), repr(error))
        raise ExportError(f"The graph '{graph.name}' cannot be exported to ONNX: {reason.strip()}") from error
    if program is None:
        raise ExportError(f"The graph '{graph.name}' cannot be exported to ONNX: the exporter gave nothing back.")
    model = program.model_proto
    _clean(model, graph)
    return model


@cache
def _read_operators_once() -> None:
    """The exporter reads ONNX Script's 1,500 operators anew for every graph, which is half the time of a small one."""
    ONNXRegistry.from_torchlib = staticmethod(cache(ONNXRegistry.from_torchlib))  # type: ignore[method-assign]


def _dims(graph: Wrapped, multiple: int) -> dict[str, Any]:
    """A symbolic size for each name that the ports leave open; ``batch`` comes first everywhere."""
    names = {size for port in graph.ports.inputs for size in port.shape if isinstance(size, str)}
    dims: dict[str, Any] = {}
    for name in names:
        if name == "batch":
            dims[name] = Dim("batch", min=1, max=MAX_BATCH)
        elif multiple > 1 and name != "tokens":
            dims[name] = multiple * Dim(f"{name}_steps", min=1, max=MAX_SIDE // multiple)
        else:
            dims[name] = Dim(name, min=2, max=MAX_SIDE)
    return dims


def _dynamic_axes(port: Port, dims: dict[str, Any]) -> dict[int, Any]:
    return {axis: dims[size] for axis, size in enumerate(port.shape) if isinstance(size, str)}


def _clean(model: onnx.ModelProto, graph: Wrapped) -> None:
    """Leave only what a runtime needs, and name the ports' sizes as the contract does. Changes ``model``."""
    strip(model)
    model.graph.name = graph.name
    del model.graph.value_info[:]
    for values, ports in ((model.graph.input, graph.ports.inputs), (model.graph.output, graph.ports.outputs)):
        for value, port in zip(values, ports, strict=True):
            _name_sizes(value, port, graph.name)


def _name_sizes(value: onnx.ValueInfoProto, port: Port, graph_name: str) -> None:
    dims = value.type.tensor_type.shape.dim
    if len(dims) != len(port.shape):
        raise ExportError(f"'{graph_name}.{port.name}' has {len(dims)} dimensions; the contract has {len(port.shape)}.")
    for dim, size in zip(dims, port.shape, strict=True):
        if isinstance(size, str):
            dim.dim_param = size
        elif not dim.HasField("dim_value") or dim.dim_value != size:
            found = dim.dim_value or dim.dim_param
            raise ExportError(f"'{graph_name}.{port.name}' has the size {found} where the run's config says {size}.")


def strip(model: onnx.ModelProto) -> None:
    """Take everything out of ``model`` that is not the model: documentation, metadata, unused imports."""
    model.producer_name, model.producer_version = "generative-hub", ""
    model.ir_version = min(model.ir_version, MAX_IR_VERSION)
    del model.metadata_props[:]
    model.doc_string = ""
    for message in _described(model):
        message.ClearField("doc_string")
        if hasattr(message, "metadata_props"):
            del message.metadata_props[:]
    used = {domain for domain, _ in operators(model)}
    for index in reversed(range(len(model.opset_import))):
        if model.opset_import[index].domain not in used | {""}:
            del model.opset_import[index]


def _described(model: onnx.ModelProto) -> Iterator[Any]:
    """Every part of the model that can carry documentation."""
    for scope in (*_graphs(model.graph), *model.functions):
        yield scope
        for node in scope.node:
            yield node
            yield from node.attribute
            yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))
        yield from scope.value_info
        if isinstance(scope, onnx.GraphProto):
            yield from (*scope.input, *scope.output, *scope.initializer)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """``graph`` and all graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs) if attribute.HasField("g") else attribute.graphs:
                yield from _graphs(inner)


def operators(model: onnx.ModelProto) -> set[tuple[str, str]]:
    """Every (domain, operator) in the model, those within control flow and local functions too."""
    scopes = (*_graphs(model.graph), *model.functions)
    return {("" if node.domain == "ai.onnx" else node.domain, node.op_type) for s in scopes for node in s.node}


def check(model: onnx.ModelProto, declared: Set[str] = frozenset()) -> None:
    """Refuse what a bundle may not hold. ``declared``: denied operators that the family asks for by name.

    Raises:
        ExportError: a denied operator, an operator of another domain, weights outside the file, or invalid ONNX.
    """
    name = model.graph.name
    for domain, operator in sorted(operators(model)):
        if domain:
            raise ExportError(f"The graph '{name}' uses {domain}.{operator}; only standard ONNX operators are allowed.")
        if operator in DENIED - declared:
            raise ExportError(
                f"The graph '{name}' uses {operator}, which bundles do without; "
                "rewrite it, or declare it in the family's EXPORT_OPERATORS."
            )
    tensors = [tensor for scope in _graphs(model.graph) for tensor in scope.initializer]
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in tensors):
        raise ExportError(f"The graph '{name}' keeps weights outside its file; a bundle's graphs are single files.")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"The graph '{name}' is not valid ONNX: {str(error).splitlines()[0]}") from error


def runs_in_browser(model: onnx.ModelProto) -> bool:
    """Whether every operator is one that onnxruntime-web is known to run, on WebGPU or else on WebAssembly."""
    return all(not domain and op in WEBGPU_OPERATORS | WASM_ONLY_OPERATORS for domain, op in operators(model))


def to_bytes(model: onnx.ModelProto) -> bytes:
    """The file's content, the same for the same model."""
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class _quiet:  # noqa: N801 - reads as a statement
    """Silence the exporter's loggers for a while; what matters comes back as an exception."""

    def __enter__(self) -> None:
        self._levels = {name: logging.getLogger(name).level for name in _EXPORTER_LOGGERS}
        for name in _EXPORTER_LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

"""The precisions of a model: fp32, fp16, int8. Each is loaded, run, held to its gate, and shipped only if it passes.

* fp32 is the export itself. Where it misses its gate, there is no bundle.
* fp16 is exported again from half-precision modules, with the ports as they are: converters that rewrite a finished
  ONNX graph have produced invalid ones.
* int8 is static QDQ: per-channel weights, activations as QUInt8, ranges from real images, or from the noise that a
  generator takes; first and last layer float.

A graph that misses the gate of fp16 or int8 keeps its fp32 file there; a variant in which nothing is left, which is no
smaller, or which does its task differently is dropped, and the reason kept for the card.

The one file of the export wing that knows onnxruntime.
"""

import io
import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from export.errors import ExportError
from export.graphs import Arrays, Wrapped
from export.inputs import Inputs
from export.parity import BATCHES, MAX_QUALITY_CHANGE, Comparison, Run, compare, latency_ms, refusal
from export.quality import quality, relative_change
from export.to_onnx import check, runs_in_browser, strip, to_bytes, to_onnx
from export.trained import Trained
from hub.contract import Parity, VariantName

THREADS = 2
CALIBRATION_ROWS = 512
CALIBRATION_BATCH = 16
PERCENTILE_PIXELS = 2**18
"""ONNX Runtime finds percentiles with every activation of the calibration in memory: so many pixels of pictures, then,
which is 64 of 64 x 64."""
INSTRUMENTS = frozenset({"judge"})
"""Graphs that stay fp32, one file for all variants: two variants judged by two judges could not be compared."""
LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass(frozen=True)
class Plan:
    """A way to make a variant. The fields are int8's."""

    operators: tuple[str, ...] = ()
    """What to quantise."""
    float_tail: int = 1
    """How many last layers to leave float."""
    percentile: float | None = None
    """How much of an activation lies in its range; ``None``: all of it, whatever its extremes."""


PLANS: dict[VariantName, tuple[Plan, ...]] = {
    "fp16": (Plan(),),
    # Of a GAN's generator the rare extremes are far out, and coarse steps for all else cost more than clipping them:
    # 2 dB for gan-emoji. The last layers paint the fine texture that evaluators look at: leaving them float costs bytes
    # and buys quality.
    "int8": (Plan(LAYERS), Plan(LAYERS, percentile=99.99), Plan(("Conv",)), Plan(LAYERS, float_tail=3)),
}
"""Tried in this order; the first whose variant passes everything is shipped."""


@dataclass(frozen=True)
class GraphFile:
    """One ONNX file of a variant, in memory."""

    model: bytes
    variant: VariantName
    """Which variant the file was made for: a graph that fell back carries "fp32" here."""
    parity: Parity
    web: bool
    latency_ms: float


@dataclass(frozen=True)
class Built:
    """A variant that passed."""

    graphs: Mapping[str, GraphFile]
    metric_delta: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Variants:
    """The variants to ship, and one sentence for each thing that was left out."""

    built: Mapping[VariantName, Built]
    refused: tuple[str, ...]


def open_session(model: bytes) -> Run:
    """The ONNX graph on plain ONNX Runtime, CPU: inputs by name to outputs by name.

    Two threads at most and no spinning, so that latencies are those of a busy server, not of an idle workstation.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = min(THREADS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda feeds: dict(zip(names, session.run(names, dict(feeds)), strict=True))


def build(
    trained: Trained, graphs: Mapping[str, Wrapped], wanted: Sequence[VariantName] = ("fp32", "fp16", "int8")
) -> Variants:
    """Every variant of ``graphs`` that passes its gate, fp32 always among them.

    Raises:
        ExportError: a graph cannot be exported, holds a denied operator, or fp32 misses its gate.
    """
    inputs, calibration = (Inputs(trained, examples, graphs) for examples in (trained.held_out, trained.calibration))
    fp32 = Built({name: _fp32(trained, graph, inputs) for name, graph in graphs.items()})
    built: dict[VariantName, Built] = {"fp32": fp32}
    refused: list[str] = []
    measured = quality(trained, _sessions(fp32)) if set(wanted) - {"fp32"} else {}
    before = {name: value for name, value in measured.items() if math.isfinite(value)}
    for variant in (name for name in PLANS if name in wanted):
        outcomes: list[tuple[dict[str, GraphFile | str], Built | str]] = []
        for plan in PLANS[variant]:
            make = partial(_reduced, variant, plan, trained, inputs, calibration)
            made = {name: make(graph, fp32.graphs[name]) for name, graph in graphs.items()}
            outcomes.append((made, _verdict(trained, variant, made, fp32, before)))
            if isinstance(outcomes[-1][1], Built):
                break
        # Where no plan passed, the first says most: later ones only retreat from it.
        made, verdict = outcomes[-1] if isinstance(outcomes[-1][1], Built) else outcomes[0]
        kept = {name: reason for name, reason in made.items() if isinstance(reason, str)}
        refused += [f"{variant}: the graph '{name}' stays fp32, since {reason}." for name, reason in kept.items()]
        if isinstance(verdict, Built):
            built[variant] = verdict
        else:
            refused.append(f"{variant} is not shipped, since {verdict}.")
    return Variants(built, tuple(refused))


def _fp32(trained: Trained, graph: Wrapped, inputs: Inputs) -> GraphFile:
    model = to_onnx(graph, _trace_feeds(graph, inputs), trained.image.multiple)
    check(model, trained.declared_operators)
    file, found = _measure("fp32", graph, model, trained, inputs)
    reason = refusal("fp32", graph.ports, found)
    if reason:
        raise ExportError(f"No bundle was written: the exported graph '{graph.name}' differs from PyTorch; {reason}.")
    return file


def _reduced(
    variant: VariantName,
    plan: Plan,
    trained: Trained,
    inputs: Inputs,
    calibration: Inputs,
    graph: Wrapped,
    fp32: GraphFile,
) -> GraphFile | str:
    """``graph`` in ``variant``: valid, smaller than fp32 and inside its gate; else why it is not."""
    if graph.name in INSTRUMENTS:
        return "it is an instrument, and has to measure alike in every variant"
    try:
        if variant == "fp16":
            model = to_onnx(graph.half(), _trace_feeds(graph, inputs), trained.image.multiple)
        else:
            few = max(1, PERCENTILE_PIXELS // (trained.image.height * trained.image.width))
            rows = CALIBRATION_ROWS if plan.percentile is None else min(CALIBRATION_ROWS, few)
            quantised = quantise(fp32.model, calibration.draw(graph.ports, rows), plan)
            if quantised is None:
                return "it has too few layers to quantise"
            model = quantised
        check(model, trained.declared_operators)
        file, found = _measure(variant, graph, model, trained, inputs)
    except OSError:
        raise  # a full disk says nothing about the model
    except Exception as error:  # converters and kernels fail in their own ways; fp32 is there to fall back on
        return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else repr(error)
    if len(file.model) >= len(fp32.model):
        return "it is no smaller"
    return refusal(variant, graph.ports, found) or file


def _verdict(
    trained: Trained,
    variant: VariantName,
    made: Mapping[str, GraphFile | str],
    fp32: Built,
    before: Mapping[str, float],
) -> Built | str:
    """The variant, with fp32 where a graph could not be made, or why it is not shipped."""
    files = {name: fp32.graphs[name] if isinstance(graph, str) else graph for name, graph in made.items()}
    if all(isinstance(graph, str) for graph in made.values()):
        return "none of its graphs passed"
    if variant == "int8" and not before:
        return "the task has no measure of quality to hold it to"
    after = quality(trained, _sessions(Built(files))) if before else {}
    delta = relative_change(before, after)
    for name, change in delta.items():
        if not math.isfinite(change):
            return f"{name} is no number any more"
        if variant == "int8" and abs(change) > MAX_QUALITY_CHANGE:
            return f"{name} changes by {change:+.1%} against fp32 (the gate: {MAX_QUALITY_CHANGE:.0%} either way)"
    return Built(files, delta)


def _sessions(built: Built) -> dict[str, Run]:
    return {name: open_session(file.model) for name, file in built.graphs.items()}


def _trace_feeds(graph: Wrapped, inputs: Inputs) -> Arrays:
    return inputs.draw(graph.ports, 2)


def _measure(
    variant: VariantName, graph: Wrapped, model: onnx.ModelProto, trained: Trained, inputs: Inputs
) -> tuple[GraphFile, Comparison]:
    """Load the model, run it at every batch size, and at a second image size where sizes are dynamic."""
    content = to_bytes(model)
    run = open_session(content)
    feeds = [inputs.draw(graph.ports, batch, seed=batch) for batch in BATCHES]
    if trained.image.dynamic:
        larger = trained.image.height + trained.image.multiple, trained.image.width + 2 * trained.image.multiple
        feeds.append(inputs.draw(graph.ports, 2, seed=7, size=larger))
    found = compare(graph.ports, graph.run, run, feeds)
    latency = latency_ms(run, feeds[0])
    return GraphFile(content, variant, found.parity, runs_in_browser(model), latency), found


# ── int8 ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Feeds in small batches, for ONNX Runtime's calibrator."""

    def __init__(self, feeds: Arrays) -> None:
        count = len(next(iter(feeds.values())))
        self._batches = iter(
            [{k: v[at : at + CALIBRATION_BATCH] for k, v in feeds.items()} for at in range(0, count, CALIBRATION_BATCH)]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._batches, None)


def quantise(fp32: bytes, calibration: Arrays, plan: Plan) -> onnx.ModelProto | None:
    """``fp32`` with the operators of ``plan`` in int8, the first and the last such layers left float.

    ``None`` where nothing remains between them.

    ``calibration``: real inputs by name, over which the range of every activation is found.
    """
    layers = [node.name for node in onnx.load_from_string(fp32).graph.node if node.op_type in plan.operators]
    if len(layers) < 2 + plan.float_tail:
        return None
    clipping: dict[str, Any] = {}
    if plan.percentile is not None:
        clipping["calibrate_method"] = CalibrationMethod.Percentile
        clipping["extra_options"] = {"CalibPercentile": plan.percentile}
    with TemporaryDirectory() as folder, _quiet():
        source, prepared, made = (str(Path(folder, name)) for name in ("fp32.onnx", "prepared.onnx", "int8.onnx"))
        Path(source).write_bytes(fp32)
        # Only shape inference: ONNX Runtime's optimiser would put operators of its own domain into the file.
        quant_pre_process(source, prepared, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            made,
            _Calibration(calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(plan.operators),
            nodes_to_exclude=[layers[0], *layers[-plan.float_tail :]],
            per_channel=True,
            # Seven bits for weights: chips without VNNI add pairs of products in 16 bits, which eight would overflow.
            # The gate is measured here, and must hold in a browser on an older machine.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            **clipping,
        )
        model = onnx.load(made)
    strip(model)
    del model.graph.value_info[:]
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime.quantization warns through the root logger, for every tensor it leaves alone, and prints how its
    histograms come on.
    """
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        root.setLevel(level)

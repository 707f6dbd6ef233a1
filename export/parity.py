"""How far an exported graph is from PyTorch, whether that is near enough, and how long it takes.

    fp32   pixels: at most one grey level off, in at most 0.1 % of them; floats: at most 1e-4 off
    fp16   pixels: PSNR of 50 dB or more; floats: error at most 1 % of the signal (root mean square)
    int8   pixels: PSNR of 33 dB or more; floats: error at most 10 % of the signal; and the task's quality on held-out
           data within 2 % of fp32's, either way (``export.quality``): a number that got better by accident is still
           another model

Measured at several batch sizes, and at a second image size where sizes are dynamic, on real inputs.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from export.graphs import Arrays
from hub.contract import Graph, Parity, VariantName

Run = Callable[[Arrays], dict[str, np.ndarray]]
"""A graph that runs: inputs by name to outputs by name, in PyTorch or in ONNX Runtime."""

BATCHES = (1, 2, 5, 32)
"""One, few, odd, and enough rows that a rare one cannot hide from the gate."""

MAX_LEVELS = 1
MAX_SHARE_OFF = 0.001
MAX_FLOAT_ERROR = 1e-4
MIN_PSNR: dict[VariantName, float] = {"fp16": 50.0, "int8": 33.0}
"""Against PyTorch's own picture. A CycleGAN's int8 at 31.9 dB was mottled, though as near to its targets as fp32."""
MAX_RELATIVE_ERROR: dict[VariantName, float] = {"fp16": 0.01, "int8": 0.1}
MAX_QUALITY_CHANGE = 0.02

LATENCY_RUNS = 30
LATENCY_SECONDS = 1.0


@dataclass(frozen=True)
class Comparison:
    """A candidate against PyTorch over all outputs of a graph."""

    parity: Parity
    relative_error: float
    """Float outputs: root mean square of the error over that of the signal, the worst output. 0 for images."""
    comparable: bool = True
    """False where an output has another shape or dtype, or holds a NaN or an infinity: no number says how far off."""


_UNLIKE = Comparison(Parity(max_abs=float(np.finfo(np.float64).max), share_off=1.0), float("inf"), comparable=False)


def compare(graph: Graph, reference: Run, candidate: Run, feeds: Sequence[Arrays]) -> Comparison:
    """Run both on each of ``feeds`` and compare all outputs together.

    Outputs that cannot be compared (see :class:`Comparison`) never pass a gate.
    """
    pairs = [(reference(each), candidate(each)) for each in feeds]
    max_abs, off, elements, squares, pixels, relative = 0.0, 0, 0, 0.0, 0, 0.0
    for port in graph.outputs:
        wanted = [answer[port.name] for answer, _ in pairs]
        given = [answer[port.name] for _, answer in pairs]
        if any(w.shape != g.shape or w.dtype != g.dtype for w, g in zip(wanted, given, strict=True)):
            return _UNLIKE
        signal = np.concatenate([array.ravel() for array in wanted]).astype(np.float64)
        error = np.concatenate([array.ravel() for array in given]).astype(np.float64) - signal
        if not np.isfinite(error).all():
            return _UNLIKE
        max_abs = max(max_abs, float(np.abs(error).max()))
        off, elements = off + int(np.count_nonzero(error)), elements + error.size
        if port.dtype == "uint8":
            squares, pixels = squares + float(error @ error), pixels + error.size
        else:
            relative = max(relative, float(np.linalg.norm(error) / max(float(np.linalg.norm(signal)), 1e-15)))
    psnr = 10 * np.log10(255.0**2 * pixels / squares) if squares else None
    return Comparison(Parity(max_abs=max_abs, share_off=off / elements, psnr_db=psnr), relative)


def refusal(variant: VariantName, graph: Graph, found: Comparison) -> str | None:
    """Why the graph does not pass the gate of ``variant``, or ``None`` if it does."""
    parity = found.parity
    if not found.comparable:
        return "its outputs have another shape or type than PyTorch's, or are not finite"
    has_pixels = any(port.dtype == "uint8" for port in graph.outputs)
    far = float("inf") if parity.max_abs is None else parity.max_abs  # what nobody measured passes no gate
    if variant == "fp32":
        if has_pixels and (far > MAX_LEVELS or parity.share_off > MAX_SHARE_OFF):
            return (
                f"pixels are up to {far:.0f} grey levels off, in {parity.share_off:.2%} of them "
                f"(the gate: {MAX_LEVELS} in {MAX_SHARE_OFF:.1%})"
            )
        if not has_pixels and far > MAX_FLOAT_ERROR:
            return f"its numbers are up to {far:.2g} off (the gate: {MAX_FLOAT_ERROR:g})"
        return None
    if parity.psnr_db is not None and parity.psnr_db < MIN_PSNR[variant]:
        return f"{parity.psnr_db:.1f} dB (the gate: {MIN_PSNR[variant]:.0f} dB)"
    if found.relative_error > MAX_RELATIVE_ERROR[variant]:
        return f"its numbers are {found.relative_error:.1%} off (the gate: {MAX_RELATIVE_ERROR[variant]:.0%})"
    return None


def latency_ms(run: Run, feeds: Arrays) -> float:
    """Median milliseconds of one run, after two to warm up."""
    for _ in range(2):
        run(feeds)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < LATENCY_RUNS and (len(times) < 5 or time.perf_counter() - began < LATENCY_SECONDS):
        start = time.perf_counter()
        run(feeds)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000

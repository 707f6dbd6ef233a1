"""Arrays that meet a graph: what a caller hands in is checked here, once, before onnxruntime sees it."""

import numpy as np

from hub.contract import Graph, Port
from hub.errors import RequestError
from hub.runtime.session import Arrays

EXAMPLE_SIZE = 128
"""Stands for every dynamic height, width or token count where a graph is only tried out."""


def check(graph: Graph, feeds: Arrays) -> dict[str, np.ndarray]:
    """``feeds`` in the graph's dtypes and memory layout.

    Raises:
        RequestError: a port is missing or unknown, a shape does not fit, batches or dynamic sizes differ, values are
            not finite or lie outside the port's range, or an array holds what the dtype cannot (text, fractions where
            integers belong, a yes or no where a grey level belongs).
    """
    ports = {port.name: port for port in graph.inputs}
    if feeds.keys() != ports.keys():
        raise RequestError(f"This model takes {', '.join(ports)}; it was given {', '.join(feeds) or 'nothing'}.")
    ready = {name: as_port(ports[name], array) for name, array in feeds.items()}
    found: dict[str, tuple[str, int]] = {}
    for name, array in ready.items():
        for symbol, size in zip(ports[name].shape, array.shape, strict=True):
            if isinstance(symbol, str) and found.setdefault(symbol, (name, size))[1] != size:
                other, its_size = found[symbol]
                raise RequestError(f"All inputs need the same {symbol}: {other} has {its_size}, {name} has {size}.")
    return ready


def as_port(port: Port, array: np.ndarray) -> np.ndarray:
    """``array`` as one port takes it; raises as :func:`check`."""
    try:
        array = np.asarray(array)
    except ValueError:
        raise RequestError(f"'{port.name}' has rows of different lengths.") from None
    wanted = np.dtype(port.dtype)
    if array.dtype.kind not in "iuf" or (wanted.kind in "iu" and array.dtype.kind == "f"):
        raise RequestError(f"'{port.name}' needs {port.dtype} numbers, not {array.dtype}.")
    expected = "[" + ", ".join(str(size) for size in port.shape) + "]"
    if array.ndim != len(port.shape) or any(
        isinstance(size, int) and size != got for size, got in zip(port.shape, array.shape, strict=True)
    ):
        raise RequestError(f"'{port.name}' needs the shape {expected}, not {list(array.shape)}.")
    if 0 in array.shape:
        raise RequestError(f"'{port.name}' is empty.")
    with np.errstate(over="ignore"):
        ready = np.ascontiguousarray(array, dtype=wanted)
    if wanted.kind == "f" and not np.isfinite(ready).all():
        raise RequestError(f"'{port.name}' holds a value that is not a number (NaN, infinity or beyond {wanted}).")
    if port.range is not None and (array.min() < port.range[0] or array.max() > port.range[1]):
        raise RequestError(f"'{port.name}' must lie in [{port.range[0]:g}, {port.range[1]:g}].")
    if wanted.kind == "i" and array.max() > np.iinfo(wanted).max:
        raise RequestError(f"'{port.name}' holds a number beyond {wanted}.")
    return ready


def example(graph: Graph, batch: int) -> dict[str, np.ndarray]:
    """Valid inputs for trying a graph: fixed noise for floats, fixed pixels for images, zeros for labels and tokens."""
    random = np.random.RandomState(0)
    made = {}
    for port in graph.inputs:
        shape = tuple(size if isinstance(size, int) else EXAMPLE_SIZE for size in (batch, *port.shape[1:]))
        if port.dtype == "uint8":
            made[port.name] = random.randint(0, 256, shape, dtype=np.uint8)
        elif port.dtype == "float32":
            noise = random.standard_normal(shape)
            made[port.name] = (noise if port.range is None else noise.clip(*port.range)).astype(np.float32)
        else:
            made[port.name] = np.zeros(shape, dtype=np.int64)
    return made

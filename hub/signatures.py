"""What each task's graphs take and give: ``TASKS``, the half of the contract that a program in any language needs.

* images are ``uint8`` in [0, 255], channels last, ``[batch, height, width, channels]``;
* noise is an *input*, drawn by the caller from N(0, 1): the same ``z`` gives the same picture on every device;
* the first axis of every port is the dynamic ``batch``;
* within a graph every name is used once, as ONNX demands: a picture that comes back is not called ``image`` again.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

DType = Literal["uint8", "float32", "int64"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)  # JSON has no word for NaN


class Port(_Frozen):
    """One input or output of a graph.

    A dimension is a number, or a name that stands for one number throughout the graphs of a bundle
    (``height``, ``channels``, ``latent``). ``batch`` stays dynamic in every bundle; ``height`` and ``width`` may.
    """

    name: str
    dtype: DType
    shape: tuple[int | str, ...]
    range: tuple[float, float] | None = None
    """Lowest and highest value, both inclusive; ``None`` where values are unbounded."""
    optional: bool = False
    """In a task's signature: a graph may go without this port. Never set in a manifest."""


class Graph(_Frozen):
    """The inputs and outputs of one ONNX file, in order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    optional: bool = False
    """In a task's signature: a bundle may go without this graph. Never set in a manifest."""

    def ports(self) -> Iterator[Port]:
        yield from self.inputs
        yield from self.outputs

    def required(self) -> "Graph":
        """Of a task's signature: the ports that no graph may go without."""
        inputs, outputs = (tuple(port for port in side if not port.optional) for side in (self.inputs, self.outputs))
        return Graph(inputs=inputs, outputs=outputs)


def _pixels(name: str, channels: int | str = "channels") -> Port:
    return Port(name=name, dtype="uint8", shape=("batch", "height", "width", channels), range=(0, 255))


def _vector(name: str, length: str) -> Port:
    return Port(name=name, dtype="float32", shape=("batch", length))


def _unit(name: str, *shape: str) -> Port:
    return Port(name=name, dtype="float32", shape=("batch", *shape), range=(0, 1))


def _tokens(name: str) -> Port:
    return Port(name=name, dtype="int64", shape=("batch", "tokens"))


_image, _z = _pixels("image"), _vector("z", "latent")
_label = Port(name="label", dtype="int64", shape=("batch",), optional=True)
# How much of the damage a restoring model has before it at each pixel, in the unit of what it ``restores``, where that
# is known; below 0 it is not, and the model finds out.
UNKNOWN_LEVEL = -1.0
_level = Port(
    name="level", dtype="float32", shape=("batch", "height", "width", 1), range=(UNKNOWN_LEVEL, 255), optional=True
)
_mask = _pixels("mask", channels=1)  # 255 marks the hole; known pixels come back bit-exact
_score = Port(name="score", dtype="float32", shape=("batch",))
_planes = Port(name="pixel_values", dtype="float32", shape=("batch", 3, "height", "width"))

TASKS: dict[str, dict[str, Graph]] = {
    "sample": {
        "decoder": Graph(inputs=(_z, _label), outputs=(_image,)),
        "encoder": Graph(inputs=(_image,), outputs=(_z,), optional=True),
        "prior": Graph(inputs=(_vector("noise", "latent"),), outputs=(_z,), optional=True),
        # No part of the model: a frozen classifier that says what a picture shows, in the order of the labels.
        "judge": Graph(inputs=(_image,), outputs=(_unit("probabilities", "classes"),), optional=True),
    },
    "translate": {
        "translator": Graph(inputs=(_image, _level), outputs=(_pixels("translated"),)),
        "inverse": Graph(inputs=(_image,), outputs=(_pixels("translated"),), optional=True),
        # What the translator would find out, of each picture as a whole: of one that goes through in parts, the level
        # that all of them are told.
        "meter": Graph(
            inputs=(_image,), outputs=(Port(name="level", dtype="float32", shape=("batch",)),), optional=True
        ),
    },
    "inpaint": {
        "inpainter": Graph(inputs=(_pixels("image", 3), _mask), outputs=(_pixels("inpainted", 3),)),
    },
    "anomaly": {
        "detector": Graph(inputs=(_image, _label), outputs=(_score, _unit("heatmap", "height", "width"))),
    },
    "stylize": {
        # A style image need not have the content's size: "style_height" and "style_width" are names of their own.
        "stylizer": Graph(
            inputs=(
                _pixels("content", 3),
                Port(name="style", dtype="uint8", shape=("batch", "style_height", "style_width", 3), range=(0, 255)),
                _unit("strength"),
            ),
            outputs=(_pixels("image", 3),),
        ),
    },
    "swap": {
        # `source` gives the expression, `target` the identity.
        "swapper": Graph(inputs=(_pixels("source", 3), _pixels("target", 3)), outputs=(_pixels("image", 3),)),
    },
    "clip": {
        # The names and the channels-first layout of public transformers.js CLIP repositories, which load unchanged.
        "vision_model": Graph(inputs=(_planes,), outputs=(_vector("image_embeds", "embedding"),)),
        "text_model": Graph(
            inputs=(_tokens("input_ids"), _tokens("attention_mask")), outputs=(_vector("text_embeds", "embedding"),)
        ),
    },
}

ALWAYS_DYNAMIC = frozenset({"batch", "tokens"})
MAY_BE_DYNAMIC = frozenset({"height", "width", "style_height", "style_width"})


def fit(graph_name: str, offered: Graph, signature: Graph, sizes: dict[str, int]) -> None:
    """Check one graph of a manifest against its task's signature; ``sizes`` collects what each dimension name means."""
    for side in ("inputs", "outputs"):
        wanted: tuple[Port, ...] = getattr(signature, side)
        given: tuple[Port, ...] = getattr(offered, side)
        names = [port.name for port in given]
        expected = [port.name for port in wanted if not port.optional or port.name in names]
        if names != expected:
            raise ValueError(f"graph '{graph_name}' has {side} {names}, its task needs {expected}")
        by_name = {port.name: port for port in wanted}
        for port in given:
            _fit_port(f"{graph_name}.{port.name}", port, by_name[port.name], sizes)


def _fit_port(where: str, port: Port, wanted: Port, sizes: dict[str, int]) -> None:
    if port.dtype != wanted.dtype:
        raise ValueError(f"'{where}' is {port.dtype}, its task needs {wanted.dtype}")
    if port.range != wanted.range:
        raise ValueError(f"'{where}' has the range {port.range}, its task needs {wanted.range}")
    if len(port.shape) != len(wanted.shape):
        raise ValueError(f"'{where}' has {len(port.shape)} dimensions, its task needs {len(wanted.shape)}")
    for size, symbol in zip(port.shape, wanted.shape, strict=True):
        if size == symbol and (isinstance(symbol, int) or symbol in ALWAYS_DYNAMIC | MAY_BE_DYNAMIC):
            continue
        if isinstance(symbol, int) or symbol in ALWAYS_DYNAMIC or not isinstance(size, int) or size < 1:
            raise ValueError(f"'{where}' has the dimension {size!r} where its task needs {symbol!r}")
        if sizes.setdefault(symbol, size) != size:
            raise ValueError(f"'{where}' says {symbol} is {size}, another port says {sizes[symbol]}")

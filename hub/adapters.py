"""Adapters: how graphs that somebody else exported are spoken to in the words of the contract. Data, no code.

An :class:`Adapter` says which files a model consists of, what its inputs and outputs are called, which shapes they
have, and where black and white lie in them. From that ``hub.weights.foreign`` makes a manifest for a repository that
has none, and ``hub.runtime.adapted`` puts pixels in and takes pixels out. ``adapters.toml`` has those that ship; a
catalog of one's own may hold more under ``[adapters]``:

    [adapters.my-inpainter]
    title = "Mine"
    task = "inpaint"                       # inpaint, translate or clip
    description = "Fills holes in drawings."
    licence = "MIT"
    height = 256                           # what the net was made for; a number, or where a JSON file has it:
    width = 256                            # "config.json#/image_size"

    [adapters.my-inpainter.graphs.inpainter]
    files = ["model.onnx"]                 # the first that the repository has
    inputs.image = { name = "x", shape = [1, 3, 256, 256], range = [-1, 1] }
    inputs.mask = { name = "m", shape = [1, 1, 256, 256], range = [1, 0] }    # here 0 is the hole
    outputs.inpainted = { name = "y", shape = [1, 3, 256, 256], range = [-1, 1], channels = "BGR" }
"""

import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from hub.contract import TASKS, BundlePath, Identifier, Port, Source

ADAPTERS = Path(__file__).parent / "adapters.toml"

Repo = Annotated[str, Field(pattern=r"^[\w-][\w.-]*/[\w-][\w.-]*$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Pointer = Annotated[str, Field(pattern=r"^[\w.-]+\.json#(/[\w.-]+)+$")]
"""A JSON file at the top of the repository, and the way to a value in it (RFC 6901)."""
Number = Annotated[int, Field(ge=1, le=65_536)] | Pointer | tuple[Pointer, ...]
"""A number, or where it stands: the first place that is there."""
Span = tuple[float, float]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AdaptedPort(_Frozen):
    """What a port of the contract is called in the graph, and how it looks there."""

    name: str = Field(min_length=1, max_length=200)
    shape: tuple[int | str, ...]
    """As the graph declares it. A first dimension of 1 means one picture at a time; names stand for any number."""
    range: Span | tuple[Span, ...] | None = None
    """Of pixels: what 0 and 255 become; one pair, or one for each channel. The mask's 255 is the hole, so ``[1, 0]``
    is for a graph in which 0 is the hole."""
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    channels: Literal["RGB", "BGR"] = "RGB"
    optional: bool = False
    """An input that some exports of the model lack: then it is not handed on."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if any(isinstance(size, int) and size < 1 for size in self.shape):
            raise ValueError("a dimension is a name, or a number from 1")
        if self.range is not None:
            if len(self.shape) != 4:
                raise ValueError("a range is for pixels, which have four dimensions")
            if any(low == high for low, high in self.spans):
                raise ValueError("a range has two different ends")
        return self

    @property
    def spans(self) -> tuple[Span, ...]:
        """``range``, one pair a channel, or one for all."""
        pairs = self.range or ()
        return tuple(each for each in pairs if isinstance(each, tuple)) or ((self.range,) if self.range else ())  # type: ignore[return-value]

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of pixels, where the graph takes no other."""
        height, width = self.shape[2:] if self.layout == "NCHW" else self.shape[1:3]
        return (height, width) if isinstance(height, int) and isinstance(width, int) else None


class AdaptedGraph(_Frozen):
    """One ONNX file: the first of ``files`` that the repository has. Ports by their names in the contract."""

    files: Annotated[tuple[BundlePath, ...], Field(min_length=1)]
    inputs: dict[str, AdaptedPort]
    outputs: dict[str, AdaptedPort]

    @property
    def one_at_a_time(self) -> bool:
        """Whether it takes no batch, so that the pictures of one run one by one."""
        return any(port.shape[0] == 1 for port in self.inputs.values())


class Adapter(_Frozen):
    """A kind of public model. See the top of this file for an example."""

    title: str
    task: Literal["inpaint", "translate", "clip"]
    description: str
    licence: str
    """SPDX identifier of the weights' licence in the repositories of ``pins``; others say themselves."""
    data: tuple[Source, ...] = ()
    height: Number
    width: Number
    channels: Literal[1, 3] = 3
    multiple: int = Field(default=1, ge=1)
    """Of height and width, where the graph takes any size that is one."""
    embedding: Number | None = None
    """``clip``: the length of an embedding."""
    graphs: dict[str, AdaptedGraph]
    beside: tuple[BundlePath, ...] = ()
    """Files that a model of this kind has beside its graphs; a repository that lacks one is another kind of model."""
    where: dict[Pointer, str | int | bool] = {}
    """What has to stand where, for a repository to be of this kind."""
    pins: dict[Repo, Commit] = {}
    """Well-known repositories, and the revision that their plain names mean."""

    @model_validator(mode="after")
    def _speaks_its_task(self) -> Self:
        signature = TASKS[self.task]
        needed = {name for name, graph in signature.items() if not graph.optional}
        if not needed <= self.graphs.keys() <= signature.keys():
            raise ValueError(f"the task '{self.task}' needs the graphs {sorted(needed)}")
        for name, graph in self.graphs.items():
            for side in ("inputs", "outputs"):
                ports: dict[str, Port] = {port.name: port for port in getattr(signature[name].required(), side)}
                offered: dict[str, AdaptedPort] = getattr(graph, side)
                if offered.keys() != ports.keys():
                    raise ValueError(f"graph '{name}' needs the {side} {list(ports)}, not {list(offered)}")
                for key, port in offered.items():
                    if (ports[key].dtype == "uint8") != (port.range is not None):
                        raise ValueError(f"'{name}.{key}' needs a range where, and only where, it is pixels")
                    if len(port.shape) != len(ports[key].shape):
                        raise ValueError(f"'{name}.{key}' needs {len(ports[key].shape)} dimensions")
        if (self.embedding is None) == (self.task == "clip"):
            raise ValueError("clip, and only clip, needs the length of an embedding")
        return self

    @property
    def any_size(self) -> bool:
        """Whether callers may bring pictures of any size: pixels are fitted to the graph, ready-made planes are not."""
        return self.task != "clip"


TABLES = TypeAdapter(dict[Identifier, Adapter])


@cache
def shipped() -> MappingProxyType[str, Adapter]:
    """The adapters that come with the package, by name."""
    return MappingProxyType(TABLES.validate_python(tomllib.loads(ADAPTERS.read_text(encoding="utf-8"))))

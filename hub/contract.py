"""The contract: what a bundle is, and which graphs each task has. Everything else in the project hangs on this page.

A *bundle* is one folder: ``bundle.json`` (the manifest, :class:`Bundle`), ONNX graphs, a model card, golden outputs
and examples. Training never sees it, the hub sees nothing else, ``export/`` writes it.

Pre- and post-processing live inside the graphs, so a client in any language feeds raw pixels and gets raw pixels.
Which graphs a task has, and what goes into them, is ``TASKS`` in ``hub.signatures``, an agreement written down as data.
Read a manifest with :func:`read_bundle`; it either returns a :class:`Bundle` whose graphs fit their task, or raises
:class:`BundleError` with one sentence that says what is wrong.
"""

import json
import re
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hub.errors import BundleError
from hub.signatures import MAY_BE_DYNAMIC, fit
from hub.signatures import TASKS as TASKS
from hub.signatures import Graph as Graph
from hub.signatures import Port as Port

SCHEMA_VERSION: Literal[1] = 1
MANIFEST = "bundle.json"
GOLDEN = "golden.npz"
POINTS = "points.npz"

VariantName = Literal["fp32", "fp16", "int8"]
Target = Literal["cpu", "cuda", "web"]

FILE_SUFFIX: dict[VariantName, str] = {"fp32": "", "fp16": "_fp16", "int8": "_quantized"}
"""``onnx/<graph><suffix>.onnx``, the names transformers.js resolves."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)  # JSON has no word for NaN


def _inside_the_bundle(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in path or not path.isprintable():
        raise ValueError(f"the path {path!r} is not one inside the bundle's folder")
    return path


BundlePath = Annotated[str, AfterValidator(_inside_the_bundle)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Side = Annotated[str, Field(min_length=1, max_length=30)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class File(_Frozen):
    """One file of the bundle: its content is checked against ``sha256`` before anything opens it."""

    path: BundlePath
    sha256: Sha256
    bytes: int = Field(ge=0)


class Source(_Frozen):
    """Where training data came from."""

    name: str
    version: str
    licence: str
    split: str = ""
    """How it was divided, for example "55,000 train / 5,000 validation / 10,000 test"."""


class ImageSpec(_Frozen):
    """The images a bundle takes and gives. Where ``dynamic``, any height and width divisible by ``multiple``."""

    height: int = Field(ge=1)
    width: int = Field(ge=1)
    channels: Literal[1, 3, 4]
    dynamic: bool = False
    multiple: int = Field(default=1, ge=1)


class Parity(_Frozen):
    """How far one graph of a variant is from PyTorch, measured on real inputs at several batch sizes."""

    max_abs: float | None
    """Largest difference of any output element: grey levels for images, plain units for float outputs; ``None`` where
    nobody measured it, as with models of other people's that an adapter opens."""
    share_off: float = 0.0
    """Share of output elements that differ at all, 0 to 1."""
    psnr_db: float | None = None
    """Peak signal-to-noise ratio in dB; ``None`` where outputs are equal or not images."""


class Variant(_Frozen):
    """One precision of the model: a file for every graph (a graph kept in fp32 is shared), and what it measured."""

    files: dict[str, File]
    opset: int
    ir_version: int
    parity: dict[str, Parity]
    metric_delta: dict[str, float] = {}
    """Relative change of a metric against fp32, for example ``{"reconstruction PSNR": -0.003}``."""
    latency_ms: dict[str, float] = {}
    """Median milliseconds per batch of one on the exporting machine, by graph (plain ONNX Runtime on CPU)."""
    web: bool
    """Whether every operator runs in onnxruntime-web."""


OURS = "this model"
"""What a bundle calls itself among the baselines of a metric."""


class Metric(_Frozen):
    """One measured quality. It means something only beside its baselines."""

    name: str
    subject: str = ""
    """What it is about where that is not all of the data as the model takes it: one class, the way back of a
    two-way model ("inverse"), or a temperature ("temperature 0.8")."""
    value: float
    unit: str = ""
    higher_is_better: bool
    dataset: str
    split: str
    seeds: tuple[int, ...] = Field(min_length=1)
    """The model's own, then those of other runs of its recipe that were measured alike."""
    per_seed: tuple[float, ...] = ()
    """The value of each of ``seeds`` where there are several; the first is ``value``."""
    evaluator: str
    baselines: dict[str, float] = {}
    """By name; the first is what the value is read beside where there is room for one. What was measured on fewer
    pictures says so after a comma, and the model's own value on these is there as OURS: ``BM3D, 28 pictures`` and
    ``this model, 28 pictures``."""

    @model_validator(mode="after")
    def _a_value_for_each_seed(self) -> Self:
        if self.per_seed and (len(self.per_seed) != len(self.seeds) or self.per_seed[0] != self.value):
            raise ValueError("per_seed has a value for each of the seeds, and the first is the model's own")
        if len(self.seeds) > 1 and not self.per_seed:
            raise ValueError("several seeds need a value each in per_seed")
        return self

    @property
    def rival(self) -> tuple[str, float, float] | None:
        """The first baseline, its value, and the model's own on the same pictures; ``None`` where there is none."""
        if not self.baselines:
            return None
        name, value = next(iter(self.baselines.items()))
        pictures = name.partition(", ")[2]
        return name, value, self.baselines.get(f"{OURS}, {pictures}", self.value)

    @property
    def temperature(self) -> float | None:
        """What noise was scaled by before the samples were made that it is about; ``None`` where it says nothing."""
        found = re.fullmatch(r"temperature (\d+(?:\.\d+)?)", self.subject)
        return float(found[1]) if found else None


class Direction(_Frozen):
    """A way through latent space that stands for an attribute, for example long sleeves.

    Computed at export from labelled training pictures: ``z + vector`` is to a picture that has the attribute what
    ``z`` is to one that lacks it. A property of the model, measured like everything else.
    """

    name: str = Field(min_length=1, max_length=40)
    vector: tuple[float, ...]
    """The whole way from pictures that lack the attribute to those that have it, [latent_dim]."""
    auroc: float = Field(ge=0, le=1)
    """How well the projection onto it tells held-out pictures with the attribute from those without; 0.5 is luck."""


class Points(_Frozen):
    """Pictures of the data on the map of a two-dimensional model: for people to look at, nothing is chosen by them.

    The file ``points.npz`` holds ``noise``, float16 [N, 2], what the learned prior makes their latents of (where there
    is none, the latents themselves), and ``label``, uint8 [N], their classes.
    """

    classes: tuple[str, ...] = Field(min_length=1, max_length=256)
    shows: str
    """Which pictures they are, for example "2,000 test pictures of Fashion-MNIST"."""


class Damage(_Frozen):
    """What a restoring model takes out of a picture.

    Said so exactly that a page can do it to a clean picture, and show how much of it the model undoes.
    """

    kind: Literal["gaussian noise", "low light", "low-dose CT"]
    """"gaussian noise": added to every grey level of every channel, then clipped to [0, 255] and rounded half to even.
    "low light": exposed too short. "low-dose CT": a slice scanned with fewer photons. ``hub.tasks.damage`` has all."""
    lowest: float = Field(ge=0)
    highest: float = Field(gt=0, le=255)
    """The range it was trained on: standard deviations in grey levels for noise, stops for low light,
    halvings of the dose for CT."""

    def __str__(self) -> str:
        """What it is, and how much of it the model knows, for people."""
        unit = {"gaussian noise": "grey levels", "low light": "stops", "low-dose CT": "halvings of the dose"}[self.kind]
        return f"{self.kind}, {self.lowest:g} to {self.highest:g} {unit}"


class Bundle(_Frozen):
    """The manifest ``bundle.json``: all that the hub, a browser page or a publisher needs to know about one model."""

    schema_version: Literal[1] = SCHEMA_VERSION
    id: Identifier
    title: str
    family: str
    task: str
    description: str
    licence: str
    """SPDX identifier of the weights' licence, for example ``MIT``."""
    data: tuple[Source, ...]
    training: dict[str, Any]
    """The recipe's config, with preset, steps and seed: enough to train it again."""
    git_commit: str
    created: datetime
    parameters: int = Field(ge=0)
    """Weights of the model itself; those of a ``judge`` are not counted."""

    image: ImageSpec
    latent_dim: int | None = None
    labels: tuple[str, ...] = ()
    """Class names; ``label`` inputs and a judge's ``probabilities`` index into them. Whether the model itself takes a
    label, ``conditional`` says."""
    directions: tuple[Direction, ...] = ()
    """``sample``: attributes that a picture can be given, the vectors as long as the latent."""
    points: Points | None = None
    """``sample`` with two latent dimensions: where encoded pictures of the data lie."""
    restores: Damage | None = None
    """``translate``: this model mends pictures rather than turning them into others, and what it mends."""
    reach: int | None = Field(default=None, ge=0)
    """``translate`` of any size: no pixel that comes out depends on one that goes in more rows or columns away than
    this, so large pictures can be done in parts. ``None`` where every pixel may depend on all."""
    sides: tuple[Side, Side] | None = None
    """``translate``: what goes in and what comes out, as people call it, for example "outline" and "colour"; where
    there is an inverse, it goes from the second to the first. ``None`` where nobody has said."""
    threshold: float | None = None
    """``anomaly``: scores above it are anomalous."""
    mask_hole: Literal[255] | None = None
    """``inpaint``: the mask value that marks a hole."""

    graphs: dict[str, Graph]
    variants: dict[VariantName, Variant]
    defaults: dict[Target, VariantName]
    metrics: tuple[Metric, ...] = ()
    files: tuple[File, ...] = ()
    """Everything beside the graphs: card, golden outputs, weights, examples."""

    @model_validator(mode="after")
    def _fits_its_task(self) -> Self:
        if self.task not in TASKS:
            raise ValueError(f"the task '{self.task}' is not one of {', '.join(TASKS)}")
        signature = TASKS[self.task]
        for name, graph in signature.items():
            if name not in self.graphs and not graph.optional:
                raise ValueError(f"the task '{self.task}' needs a graph '{name}'")
        sizes: dict[str, int] = {"channels": self.image.channels}
        if not self.image.dynamic:
            sizes |= {"height": self.image.height, "width": self.image.width}
        if self.latent_dim is not None:
            sizes["latent"] = self.latent_dim
        if self.labels:
            sizes["classes"] = len(self.labels)
        for name, graph in self.graphs.items():
            if name not in signature:
                raise ValueError(f"the task '{self.task}' has no graph '{name}'")
            fit(name, graph, signature[name], sizes)
            if not self.image.dynamic and any(set(port.shape) & MAY_BE_DYNAMIC for port in graph.ports()):
                raise ValueError(f"graph '{name}' has a dynamic size, but image.dynamic is false")
            if not self.labels and any(port.name == "label" for port in graph.inputs):
                raise ValueError(f"graph '{name}' takes a label, but the bundle names no labels")
            if not self.labels and any("classes" in port.shape for port in signature[name].outputs):
                raise ValueError(f"graph '{name}' tells classes apart, but the bundle names no labels")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("two labels have the same name")
        self._directions_fit(sizes.get("latent"))
        if self.points and (self.task != "sample" or sizes.get("latent") != 2):
            raise ValueError("only a 'sample' model of two latent dimensions has points on a map")
        self._restoring_fits()
        if self.sides and self.task != "translate":
            raise ValueError("only a 'translate' model has two sides")
        return self

    def _restoring_fits(self) -> None:
        if "meter" in self.graphs and not self.told:
            raise ValueError("graph 'meter' reads a level, but graph 'translator' takes none")
        if self.restores is None:
            if self.told:
                raise ValueError(
                    "graph 'translator' takes a level, but the bundle does not say of what: it restores nothing"
                )
            return
        if self.task != "translate" or self.image.channels == 4:
            raise ValueError("only a 'translate' model of grey or colour pictures can say what it restores")
        if self.restores.lowest > self.restores.highest:
            raise ValueError(f"what it restores goes from {self.restores.lowest:g} to {self.restores.highest:g}")

    def _directions_fit(self, latent: int | None) -> None:
        names = [direction.name for direction in self.directions]
        if len(set(names)) < len(names):
            raise ValueError("two directions have the same name")
        for direction in self.directions:
            if len(direction.vector) != latent:
                has = f"latents have {latent}" if latent else "it has no latents"
                raise ValueError(f"the direction '{direction.name}' has {len(direction.vector)} numbers, {has}")
            if not any(direction.vector):
                raise ValueError(f"the direction '{direction.name}' leads nowhere: all its numbers are 0")

    @model_validator(mode="after")
    def _variants_are_complete(self) -> Self:
        if "fp32" not in self.variants:
            raise ValueError("there is no fp32 variant")
        for name, variant in self.variants.items():
            for what, graphs in (("files", variant.files), ("parity", variant.parity)):
                if graphs.keys() != self.graphs.keys():
                    raise ValueError(f"variant '{name}' has {what} for {sorted(graphs)}, not {sorted(self.graphs)}")
        for target, variant_name in self.defaults.items():
            if variant_name not in self.variants:
                raise ValueError(f"the default for {target} is '{variant_name}', a variant that is not there")
        listed = [file for variant in self.variants.values() for file in variant.files.values()] + list(self.files)
        for file in self.all_files():
            if any(other.path == file.path and other != file for other in listed):
                raise ValueError(f"the file {file.path} is listed twice, with different contents")
        return self

    @property
    def conditional(self) -> bool:
        """Whether the model is told a class: a graph has the port ``label``."""
        return any(port.name == "label" for graph in self.graphs.values() for port in graph.inputs)

    @property
    def told(self) -> bool:
        """Whether a restoring model can be told how much of the damage there is: a graph has the port ``level``."""
        return any(port.name == "level" for graph in self.graphs.values() for port in graph.inputs)

    def all_files(self, variant: VariantName | None = None) -> tuple[File, ...]:
        """Every file but the manifest, each once: of one variant and beside it, or of all variants."""
        chosen = [self.variants[variant]] if variant else self.variants.values()
        graphs = [file for each in chosen for file in each.files.values()]
        return tuple({file.path: file for file in (*graphs, *self.files)}.values())

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


def parse_bundle(text: str) -> Bundle:
    """The manifest in ``text``.

    Raises:
        BundleError: not JSON, a schema version this release does not know, or a manifest that breaks the contract.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{MANIFEST} is not JSON: {error}.") from None
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != SCHEMA_VERSION:
        newer = isinstance(version, int) and version > SCHEMA_VERSION
        advice = "please update generative-hub" if newer else f"this release reads version {SCHEMA_VERSION}"
        raise BundleError(f"{MANIFEST} has schema version {version!r}; {advice}.")
    try:
        return Bundle.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(
            f"{MANIFEST}{' at ' + where if where else ''}: {first['msg'].removeprefix('Value error, ')}."
        ) from None


def read_bundle(folder: Path) -> Bundle:
    """The manifest of the bundle in ``folder``. Its files are looked at later, by ``hub.weights``: a folder may hold
    only the variant that somebody pulled.

    Raises:
        BundleError: as :func:`parse_bundle`, or where there is no manifest.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise BundleError(f"{folder} is no bundle: it has no {MANIFEST}.")
    try:
        return parse_bundle(manifest.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise BundleError(f"{MANIFEST} in {folder} is not UTF-8 text.") from None
    except OSError as error:
        raise BundleError(f"{MANIFEST} in {folder} cannot be read: {error.strerror}.") from None

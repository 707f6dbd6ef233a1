"""Write a bundle: graphs, golden outputs, picture, examples, weights, card, and a manifest that vouches for them."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from safetensors.torch import save
from torch import Tensor, nn

from export import variants
from export.card import NEIGHBOURS, PREVIEW, card, what_it_is
from export.directions import directions
from export.errors import ExportError
from export.graphs import Wrapped, wrap
from export.inputs import Inputs
from export.points import points
from export.preview import neighbours, preview
from export.reach import reach
from export.to_onnx import MAX_IR_VERSION, OPSET
from export.trained import Trained
from export.variants import Built, Variants, open_session
from hub.appearing import appearing
from hub.contract import (
    FILE_SUFFIX,
    GOLDEN,
    MANIFEST,
    POINTS,
    Bundle,
    File,
    Identifier,
    Points,
    Target,
    Variant,
    VariantName,
)
from hub.images import grid, to_png

GOLDEN_ROWS = 2
EXAMPLES = 6
SMALL = 128
"""A net that takes any size and learned from pictures smaller than this also gets a sheet of them as an example."""
SHEET_SIDE = 8
"""Pictures in a row and in a column of that sheet."""
EMBEDDED_LIMIT = 12_000_000
"""Bytes that a bundle may have to be shipped inside the package."""
FULL_WEIGHTS_LIMIT = EMBEDDED_LIMIT // 2
"""Bytes that a bundle may have with PyTorch weights in full precision: many bundles share one package, and to serve
them nobody needs these.
"""


@dataclass(frozen=True)
class Names:
    """What a bundle is called; ``None`` takes it from the family and the data."""

    id: str | None = None
    title: str | None = None
    description: str | None = None
    licence: str | None = None
    sides: tuple[str, str] | None = None


@dataclass(frozen=True)
class Written:
    """A bundle that was written."""

    folder: Path
    bundle: Bundle
    refused: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """All of it, the manifest included."""
        return sum(file.bytes for file in self.bundle.all_files()) + (self.folder / MANIFEST).stat().st_size


def write_bundle(
    trained: Trained, target: Path, names: Names | None = None, wanted: Sequence[VariantName] = ("fp32", "fp16", "int8")
) -> Written:
    """Export ``trained`` to the folder ``target``; a bundle that is there already is replaced at the very end.

    Raises:
        ExportError: the model does not pass, ``target`` is something else than a bundle, or the disk is full.
    """
    names = names or Names()
    _check_id(names.id)
    _refuse_to_overwrite(target)
    graphs = wrap(trained.task, trained.modules, trained.sizes, trained.optional_inputs)
    made = variants.build(trained, graphs, wanted)
    with appearing(target, ExportError) as folder:
        bundle = _fill(folder, trained, graphs, made, names)
    return Written(target, bundle, made.refused)


def _check_id(given: str | None) -> None:
    """Now, and not by the manifest minutes later."""
    try:
        TypeAdapter(Identifier | None).validate_python(given)
    except ValidationError:
        raise ExportError(
            f"'{given}' is no id: use lower-case letters, digits, dots, dashes and underscores, at most 64 of them."
        ) from None


def _fill(folder: Path, trained: Trained, graphs: Mapping[str, Wrapped], made: Variants, names: Names) -> Bundle:
    """Write every file of the bundle into ``folder``."""
    inputs = Inputs(trained, trained.held_out, graphs)
    entries = {name: _write_graphs(folder, name, built) for name, built in made.built.items()}
    fp32 = {name: open_session(file.model) for name, file in made.built["fp32"].graphs.items()}
    pictures = {PREVIEW: preview(trained, {name: graph.ports for name, graph in graphs.items()}, fp32, inputs)}
    if trained.task == "sample":
        pictures[NEIGHBOURS] = neighbours(trained, fp32)
    for name, captioned in pictures.items():
        (folder / name).write_bytes(to_png(captioned.picture))
    _write_golden(folder / GOLDEN, graphs, inputs)
    _write_examples(folder / "examples", trained, graphs)
    _write_weights(folder, trained)
    bundle = _manifest(trained, graphs, entries, names)
    bundle = bundle.model_copy(update={"points": write_points(folder, trained, graphs)})
    bundle = bundle.model_copy(update={"files": beside(folder, bundle)})
    # newline: the card's bytes, and so their hash, are the same on every system
    captions = {name: captioned.caption for name, captioned in pictures.items()}
    text = str(card(bundle, trained, captions, made.refused))
    (folder / "README.md").write_text(text, encoding="utf-8", newline="\n")
    bundle = bundle.model_copy(update={"files": beside(folder, bundle)})
    (folder / MANIFEST).write_text(bundle.to_json(), encoding="utf-8", newline="\n")
    return bundle


def _manifest(
    trained: Trained, graphs: Mapping[str, Wrapped], entries: dict[VariantName, Variant], names: Names
) -> Bundle:
    kind = {1: "grayscale", 3: "colour", 4: "colour with alpha"}[trained.image.channels]
    pixels = f"{trained.image.width} x {trained.image.height} pixels, {kind}"
    first_line = what_it_is(trained.summary.split("\n\n")[0]).rstrip(".") or trained.family
    defaults: dict[Target, VariantName] = {
        "cpu": "fp32",  # half precision gains nothing on plain CPUs, and OpenVINO halves fp32 by itself
        "cuda": "fp16" if "fp16" in entries else "fp32",
        "web": "int8" if "int8" in entries and entries["int8"].web else "fp32",  # the smallest download that passed
    }
    family = trained.family.upper() if len(trained.family) <= 4 else trained.family.replace("_", " ").capitalize()
    try:
        return Bundle(
            id=names.id or _identifier(f"{trained.family}-{trained.data_name}"),
            title=names.title or f"{family} · {trained.data_title}",
            family=trained.family,
            task=trained.task,
            description=names.description or f"{first_line}. Trained on {trained.data_title}: {pixels}.",
            licence=names.licence or (trained.data[0].licence if trained.data else "unknown"),
            data=trained.data,
            training=dict(trained.training) | {"command": trained.command},
            git_commit=trained.git_commit,
            created=datetime.now(UTC).replace(microsecond=0),
            parameters=trained.parameters,
            image=trained.image,
            latent_dim=trained.latent_dim,
            labels=trained.labels,
            directions=directions(trained, graphs),
            restores=trained.restores,
            reach=_reach(trained),
            sides=names.sides or trained.sides,
            threshold=trained.threshold,
            mask_hole=255 if trained.task == "inpaint" else None,
            graphs={name: graph.ports for name, graph in graphs.items()},
            variants=entries,
            defaults=defaults,
            metrics=trained.metrics,
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ExportError(
            f"The bundle would break the contract{' at ' + where if where else ''}: {first['msg']}."
        ) from None


def _reach(trained: Trained) -> int | None:
    if trained.task != "translate" or not trained.image.dynamic:
        return None
    translating = [module for name, module in trained.modules.items() if name != "meter"]
    return reach(translating, trained.image.channels, trained.image.multiple, trained.told)


def _identifier(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:64] or "model"


def _refuse_to_overwrite(target: Path) -> None:
    if target.exists() and not (target / MANIFEST).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise ExportError(f"{target} is there already and is no bundle; choose another --to, or empty it first.")


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write_graphs(folder: Path, variant: VariantName, built: Built) -> Variant:
    files = {}
    for name, graph in built.graphs.items():
        path = f"onnx/{name}{FILE_SUFFIX[graph.variant]}.onnx"
        (folder / "onnx").mkdir(exist_ok=True)
        if graph.variant == variant:  # a graph that fell back is there already
            (folder / path).write_bytes(graph.model)
        files[name] = File(path=path, sha256=hashlib.sha256(graph.model).hexdigest(), bytes=len(graph.model))
    return Variant(
        files=files,
        opset=OPSET,
        ir_version=MAX_IR_VERSION,
        parity={name: graph.parity for name, graph in built.graphs.items()},
        metric_delta={name: round(change, 5) for name, change in built.metric_delta.items()},
        latency_ms={name: round(graph.latency_ms, 3) for name, graph in built.graphs.items()},
        web=all(graph.web for graph in built.graphs.values()),
    )


def _write_golden(path: Path, graphs: Mapping[str, Wrapped], inputs: Inputs) -> None:
    """``<graph>/<port>`` for every input and output of every graph: a batch of real inputs, and PyTorch's answer."""
    arrays: dict[str, np.ndarray] = {}
    for name, graph in graphs.items():
        feeds = inputs.draw(graph.ports, GOLDEN_ROWS, seed=11)
        arrays |= {f"{name}/{port}": array for port, array in (feeds | graph.run(feeds)).items()}
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]


def _write_examples(folder: Path, trained: Trained, graphs: Mapping[str, Wrapped]) -> None:
    """A few held-out pictures, for models that take pictures: one of each class as far as they go; where they have no
    names, the one of the most contrast first.

    Where it is known what a model should make of them, that lies under the same names in ``targets`` beside them.
    """
    takes_pictures = any(
        port.dtype == "uint8" or port.name == "pixel_values" for g in graphs.values() for port in g.ports.inputs
    )
    if not takes_pictures:
        return
    images, labels, targets = trained.held_out.images, trained.held_out.labels, trained.held_out.targets
    rows = list(range(len(images))) if labels is None else list(np.unique(labels, return_index=True)[1])
    if len(rows) < EXAMPLES:
        rows += [row for row in range(len(images)) if row not in rows]
    del rows[EXAMPLES:]
    if not trained.class_names:  # a visitor sees the first before he has done anything: not the one that is all sky
        rows.sort(key=lambda row: images[row].std(), reverse=True)
    for place, pictures in ((folder, images), (folder.parent / "targets", targets)):
        if pictures is None:
            continue
        place.mkdir()
        for number, row in enumerate(rows, start=1):
            (place / f"{number:02d}.png").write_bytes(to_png(pictures[row]))
        if trained.task == "translate" and trained.image.dynamic and max(pictures.shape[1:3]) < SMALL:
            sheet = grid(pictures[: SHEET_SIDE**2], columns=SHEET_SIDE, gap=0)
            (place / "sheet.png").write_bytes(to_png(sheet))


def write_points(folder: Path, trained: Trained, graphs: Mapping[str, Wrapped]) -> Points | None:
    """``points.npz``, where the model has a map for test pictures to be shown on; returns what the manifest says."""
    arrays = points(trained, graphs)
    if arrays is None:
        return None
    with (folder / POINTS).open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    shows = f"{len(arrays['label']):,} test pictures of {trained.data_title}"
    return Points(classes=trained.class_names, shows=shows)


def _write_weights(folder: Path, trained: Trained) -> None:
    """PyTorch's own weights as ``<graph>.<name>``: in full precision where the bundle stays small. Not those of an
    instrument, which are the training wing's.
    """
    modules = {name: module for name, module in trained.modules.items() if name not in variants.INSTRUMENTS}
    tensors: dict[str, Tensor] = {}
    for graph, module in modules.items():
        tensors |= {f"{graph}.{name}": tensor for name, tensor in _own_state(module).items()}
    full = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    taken = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    half = taken + full > FULL_WEIGHTS_LIMIT
    if half:
        tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    (folder / "model.safetensors").write_bytes(save(tensors, metadata={"format": "pt"}))
    config = {
        "family": trained.family,
        "task": trained.task,
        "graphs": list(modules),
        "dtype": "float16" if half else "float32",
        **trained.training,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8", newline="\n")


def _own_state(module: nn.Module) -> dict[str, Tensor]:
    """Copies on the host: safetensors refuses memory that two names share."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous(memory_format=torch.contiguous_format)
        for name, tensor in module.state_dict().items()
    }


def beside(folder: Path, bundle: Bundle) -> tuple[File, ...]:
    """Every file in ``folder`` that is neither a graph nor the manifest."""
    graphs = {file.path for variant in bundle.variants.values() for file in variant.files.values()}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return tuple(
        File(path=name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), bytes=path.stat().st_size)
        for name, path in names.items()
        if name not in graphs and name != MANIFEST
    )

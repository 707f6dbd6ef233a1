"""The table of all models as data: what ``/models`` answers and what the page draws. Every number is measured."""

from typing import Any
from urllib.parse import quote

from hub.card import PREVIEW
from hub.contract import Bundle, Metric, Parity
from hub.runtime.benchmarks import Benchmarks
from hub.runtime.choice import main_graph
from hub.runtime.engine import Engine, Model

HEADLINES = {"sample": "Fréchet distance of samples", "translate": "Perceptual distance"}
"""Task -> the metric to compare its models by; of any other task the first one that has a baseline."""


def rows(engine: Engine, benchmarks: Benchmarks) -> list[dict[str, Any]]:
    """One row a model, in JSON's own types. Addresses are relative to the hub's."""
    return [row(model, benchmarks) for model in engine.models.values()]


def row(model: Model, benchmarks: Benchmarks) -> dict[str, Any]:
    """What there is to say of one model without opening it."""
    bundle, whole = model.bundle, model.resolved.adapter is None
    here: dict[str, dict[str, float]] = {}
    for cell in benchmarks.measured(model):
        if cell.milliseconds:
            here.setdefault(cell.variant, {})[cell.provider] = round(cell.milliseconds[1], 3)
    return {
        "id": bundle.id,
        "title": bundle.title,
        "task": bundle.task,
        "picture": card_address(bundle, PREVIEW) if any(file.path == PREVIEW for file in bundle.files) else None,
        "image": bundle.image.model_dump(),
        "parameters": bundle.parameters,
        "variants": [
            {
                "name": name,
                "bytes": sum(file.bytes for file in variant.files.values()),
                "parity": parity(bundle, main_graph(bundle), variant.parity[main_graph(bundle)]),
                "web": variant.web,
                "milliseconds_here": here.get(name, {}),
                "download": f"download/{bundle.id}.zip?variant={name}" if whole else None,
            }
            for name, variant in bundle.variants.items()
        ],
        "metric": metric_row(headline(bundle)),
        "licence": bundle.licence,
        "data": [{"name": source.name, "licence": source.licence} for source in bundle.data],
        "source": model.source,
        "adapter": None if whole else bundle.family,
        "download": f"download/{bundle.id}.zip" if whole else None,
        "card": f"card/{bundle.id}",
    }


def headline(bundle: Bundle) -> Metric | None:
    """The one metric that stands for the model in a table."""
    whole = [metric for metric in bundle.metrics if not metric.subject]
    agreed = [metric for metric in whole if metric.name == HEADLINES.get(bundle.task)]
    return next(iter([*agreed, *(metric for metric in whole if metric.baselines), *whole]), None)


def metric_row(metric: Metric | None) -> dict[str, Any] | None:
    """A metric in JSON's own types, with what it is read beside."""
    return metric.model_dump(mode="json", exclude={"subject"}) | {"rival": metric.rival} if metric else None


def parity(bundle: Bundle, graph: str, measured: Parity) -> str:
    """How far a graph is from PyTorch, in a few words."""
    if measured.max_abs is None:
        return "unmeasured"
    if any(port.dtype == "uint8" for port in bundle.graphs[graph].outputs):
        if measured.max_abs == 0 or measured.psnr_db is None:
            return "same pixels" if measured.max_abs == 0 else f"{measured.max_abs:.0f} levels off"
        return f"{measured.psnr_db:.0f} dB"
    return f"{measured.max_abs:.0e} off" if measured.max_abs else "equal"


def card_address(bundle: Bundle, path: str) -> str:
    """Where the hub serves a file of the card."""
    return f"card/{bundle.id}/{quote(path)}"


def file_address(bundle: Bundle, path: str) -> str:
    """Where the hub serves any file of the bundle, for download."""
    return f"download/{bundle.id}/{quote(path)}"


def megabytes(size: int) -> str:
    """``size`` in bytes, for people."""
    if size >= 100_000_000:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"

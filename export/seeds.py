"""How much a bundle's numbers depend on luck: those of the same recipe, begun from other seeds, beside them.

    genhub seeds hub/bundles/gan-fashion runs/gan-1 runs/gan-2

One run says what a model is worth, and little about its recipe: two runs that differ in nothing but the seed can be
further apart than two recipes. The model that is shipped keeps its own number; no seed is chosen by it.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from export.bundle import beside
from export.card import with_quality
from export.errors import ExportError
from export.measured import read_metrics
from hub.appearing import appearing
from hub.contract import MANIFEST, Bundle, Metric, read_bundle
from training.checkpoint import RunInfo, latest_checkpoint, read_run_info
from training.config import CHANGEABLE
from training.errors import TrainingError
from training.family import load_family


def add_seeds(folder: Path, runs: Sequence[Path]) -> Bundle:
    """Write the numbers of ``runs`` into the manifest and the card of the bundle in ``folder``; returns the manifest.

    What is there from other seeds stays there: the runs of a day may be gone on the next. Weights and pictures stay as
    they are.

    Raises:
        BundleError: no bundle there.
        ExportError: no runs there, or they differ from the bundle's in more than the seed.
    """
    bundle = read_bundle(folder)
    own = bundle.training["seed"]
    others = {}
    for run in runs:
        info = _info(run)
        _require_same_recipe(bundle, info, run)
        if info.seed == own or info.seed in others:
            raise ExportError(f"{run} has the seed {info.seed} too, and so says nothing new.")
        others[info.seed] = {
            (metric.name, metric.subject): metric.value
            for metric in read_metrics(run, info.data_info().title, info.seed)
        }
    metrics = tuple(_with_others(metric, own, others) for metric in bundle.metrics)
    if not any((metric.name, metric.subject) in values for metric in metrics for values in others.values()):
        raise ExportError("These runs have none of the bundle's metrics; 'genhub evaluate' measures a run.")
    bundle = bundle.model_copy(update={"metrics": metrics})
    with appearing(folder, ExportError) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        path = new / "README.md"
        text = with_quality(path.read_text(encoding="utf-8"), metrics)
        path.write_text(text, encoding="utf-8", newline="\n")
        bundle = bundle.model_copy(update={"files": beside(new, bundle)})
        (new / MANIFEST).write_text(bundle.to_json(), encoding="utf-8", newline="\n")
    return bundle


def _info(run: Path) -> RunInfo:
    try:
        return read_run_info(latest_checkpoint(run))
    except TrainingError as error:
        raise ExportError(str(error)) from error


def _require_same_recipe(bundle: Bundle, info: RunInfo, run: Path) -> None:
    ours, theirs = bundle.training, info.config
    if info.family != bundle.family:
        raise ExportError(f"{run} is a run of {info.family}, and {bundle.id} one of {bundle.family}.")
    if info.data_info().identity != ours["data_identity"]:
        raise ExportError(f"{run} learned from other pictures than {bundle.id}.")
    one, other = _recipe(bundle.family, ours["config"]), _recipe(bundle.family, theirs)
    if different := sorted(name for name in one if one[name] != other[name]):
        name = different[0]
        raise ExportError(f"{run} has {name} = {other[name]}, and {bundle.id} {one[name]}: that is another recipe.")
    if (info.step, info.images_seen) != (ours["steps"], ours["images_seen"]):
        raise ExportError(
            f"{run} has {info.step:,} steps and {info.images_seen:,} images, and {bundle.id} {ours['steps']:,} and "
            f"{ours['images_seen']:,}: give it as many with --max-steps."
        )


def _recipe(family: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting that must be the same; those that are newer than ``config`` have their defaults."""
    settings = asdict(load_family(family).Config(**config))
    kept = {name: value for name, value in settings.items() if name not in CHANGEABLE | {"seed"}}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def _with_others(metric: Metric, own: int, others: Mapping[int, Mapping[tuple[str, str], float]]) -> Metric:
    key = (metric.name, metric.subject)
    found = dict(zip(metric.seeds, metric.per_seed, strict=False))
    found |= {seed: values[key] for seed, values in others.items() if key in values}
    found.pop(own, None)
    per_seed = (metric.value, *found.values()) if found else ()
    return metric.model_copy(update={"seeds": (own, *found), "per_seed": per_seed})

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
from training.checkpoint import RunInfo, latest_checkpoint, read_run_info, stored_config
from training.command import as_json
from training.config import CHANGEABLE, RunConfig
from training.errors import TrainingError


def add_seeds(folder: Path, runs: Sequence[Path]) -> Bundle:
    """Write the numbers of ``runs`` into the manifest and the card of the bundle in ``folder``; returns the manifest.

    What is there from other seeds stays there: the runs of a day may be gone on the next. Weights and pictures stay as
    they are.

    Raises:
        BundleError: no bundle there.
        ExportError: no runs there, or they differ from the bundle's in more than the seed.
    """
    bundle = read_bundle(folder)
    if lacking := {"config", "data_identity", "images_seen", "seed", "steps"} - bundle.training.keys():
        raise ExportError(f"{bundle.id} does not say how it was trained: it has no {min(lacking)}.")
    own = bundle.training["seed"]
    others: dict[int, dict[tuple[str, str], float]] = {}
    for run in runs:
        info = _same_recipe(bundle, run)
        if info.seed == own or info.seed in others:
            raise ExportError(f"{run} has the seed {info.seed} too, and so says nothing new.")
        found = read_metrics(run, info.data_info().title, info.seed)
        others[info.seed] = {(metric.name, metric.subject): metric.value for metric in found}
    metrics = tuple(_with_others(metric, own, others) for metric in bundle.metrics)
    if not any((metric.name, metric.subject) in values for metric in metrics for values in others.values()):
        raise ExportError("These runs have none of the bundle's metrics; 'genhub evaluate' measures a run.")
    if not (folder / "README.md").is_file():
        raise ExportError(f"{folder} has no card: it has no README.md.")
    card = with_quality((folder / "README.md").read_text(encoding="utf-8"), metrics)
    bundle = bundle.model_copy(update={"metrics": metrics})
    with appearing(folder, ExportError) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        (new / "README.md").write_text(card, encoding="utf-8", newline="\n")
        bundle = bundle.model_copy(update={"files": beside(new, bundle)})
        (new / MANIFEST).write_text(bundle.to_json(), encoding="utf-8", newline="\n")
    return bundle


def _same_recipe(bundle: Bundle, run: Path) -> RunInfo:
    """What ``run`` is. Raises ExportError where it differs from the bundle's in more than the seed."""
    ours = bundle.training
    try:
        info = read_run_info(latest_checkpoint(run))
        if info.family != bundle.family:
            raise ExportError(f"{run} is a run of {info.family}, and {bundle.id} one of {bundle.family}.")
        one, other = (_recipe(stored_config(bundle.family, each)) for each in (ours["config"], info.config))
    except TrainingError as error:
        raise ExportError(str(error)) from error
    if info.data_info().identity != ours["data_identity"]:
        raise ExportError(f"{run} learned from other pictures than {bundle.id}.")
    if different := sorted(name for name in one if one[name] != other[name]):
        name = different[0]
        raise ExportError(f"{run} has {name} = {other[name]}, and {bundle.id} {one[name]}: that is another recipe.")
    if (info.step, info.images_seen) != (ours["steps"], ours["images_seen"]):
        raise ExportError(
            f"{run} has {info.step:,} steps and {info.images_seen:,} images, and {bundle.id} {ours['steps']:,} and "
            f"{ours['images_seen']:,}: give it as many with --max-steps."
        )
    return info


def _recipe(config: RunConfig) -> dict[str, Any]:
    """Every setting that must be the same."""
    return {name: as_json(value) for name, value in asdict(config).items() if name not in CHANGEABLE | {"seed"}}


def _with_others(metric: Metric, own: int, others: Mapping[int, Mapping[tuple[str, str], float]]) -> Metric:
    key = (metric.name, metric.subject)
    found = dict(zip(metric.seeds[1:], metric.per_seed[1:], strict=True))
    found |= {seed: values[key] for seed, values in others.items() if key in values}
    per_seed = (metric.value, *found.values()) if found else ()
    return metric.model_copy(update={"seeds": (own, *found), "per_seed": per_seed})

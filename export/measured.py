"""A run's own numbers, for the manifest and the card: ``metrics.json`` of the run, baselines beside it.

``metrics.json`` is what training wrote at the end of the run. A number means something only beside what it competes
with, so baselines come from a second file, ``RUN/baselines.json`` or ``genhub export --baselines FILE``, keyed alike:

    {"frechet_distance": {"pythae VAE": 61.3, "PCA + Gaussian": 120.5}, "reconstruction_psnr": {"PCA-32": 20.4}}

The first of each is what the number stands beside where there is room for one: the strongest that somebody else has.

A key may say more after a slash, for example one class or a temperature: ``frechet_distance/Sandal``,
``frechet_distance/temperature 0.8``.
"""

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.errors import ExportError
from hub.contract import Metric

log = logging.getLogger("genhub")


@dataclass(frozen=True)
class Meaning:
    """What a key of ``metrics.json`` stands for."""

    name: str
    higher_is_better: bool
    unit: str = ""
    evaluator: str | None = "pixels, uint8"
    """``None``: the instrument that ``metrics.json`` names, since different data are measured by different ones."""
    error: str = ""
    """Key of its standard error."""


FIRST_INSTRUMENT = "Fashion classifier (features 128-d)"
"""What measured the runs that were finished before ``metrics.json`` named it."""

WINDOWED = "pixels, uint8, in the window of soft tissue"
PHOTONS = ((4, "200,000"), (6, "50,000"), (8, "12,500"))
"""Halvings of the dose, and the photons that then set out to each bin of the detector (``training.tomography``)."""

MEANINGS: dict[str, Meaning] = {
    "reconstruction_psnr": Meaning("Reconstruction PSNR", True, "dB"),
    "kernel_distance": Meaning("Kernel distance of samples", False, evaluator=None, error="kernel_error"),
    "translation_kernel": Meaning(
        "Kernel distance of translations", False, evaluator=None, error="translation_kernel_error"
    ),
    "translation_frechet": Meaning("Fréchet distance of translations", False, evaluator=None),
    "retrieval": Meaning("Nearest to its own partner", True, evaluator=None),
    "cycle_l1": Meaning("Mean absolute error after there and back", False, "grey levels"),
    "perceptual_distance": Meaning(
        "Perceptual distance", False, evaluator="EfficientNet-Lite0 (features at five depths, seen at 128 px)"
    ),
    "frechet_distance": Meaning("Fréchet distance of samples", False, evaluator=None),
    "reconstruction_frechet": Meaning("Fréchet distance of reconstructions", False, evaluator=None),
    "precision": Meaning("Precision of samples", True, evaluator=None),
    "recall": Meaning("Recall of samples", True, evaluator=None),
    "class_accuracy": Meaning("Class accuracy of samples", True, evaluator="Fashion classifier"),
    "classification_accuracy": Meaning(
        "Classification accuracy score", True, evaluator="a classifier of generated pictures, on real ones"
    ),
    "psnr": Meaning("PSNR", True, "dB"),
    **{f"psnr_sigma_{level}": Meaning(f"PSNR, noise of {level}/255", True, "dB") for level in (15, 25, 50)},
    **{f"psnr_stops_{stops}": Meaning(f"PSNR, {stops} stops too dark", True, "dB") for stops in (2, 3, 4)},
    **{f"ssim_stops_{stops}": Meaning(f"SSIM, {stops} stops too dark", True) for stops in (2, 3, 4)},
    **{f"psnr_halvings_{each}": Meaning(f"PSNR, {count} photons", True, "dB", WINDOWED) for each, count in PHOTONS},
    **{f"ssim_halvings_{each}": Meaning(f"SSIM, {count} photons", True, "", WINDOWED) for each, count in PHOTONS},
    "ssim": Meaning("SSIM", True),
    "l1": Meaning("Mean absolute error", False, "grey levels"),
    "hole_psnr": Meaning("PSNR inside the hole", True, "dB"),
    "auroc": Meaning("AUROC", True, evaluator="score against true labels"),
    "recall_at_1": Meaning("Recall@1, text to image", True, evaluator="nearest embedding"),
    "accuracy": Meaning("Zero-shot accuracy", True, evaluator="nearest embedding"),
}
"""A key that is not here is left out of the card with a warning: nobody could say which way is better."""

FLOORS = {
    "kernel_floor": ("kernel_distance", "real training images (floor)"),
    "frechet_floor": ("frechet_distance", "real images (floor)"),
    "precision_real": ("precision", "real training images"),
    "recall_real": ("recall", "real training images"),
    "class_accuracy_real": ("class_accuracy", "real images"),
    "classification_accuracy_real": ("classification_accuracy", "a classifier of real pictures"),
    "pca_psnr": ("reconstruction_psnr", "as many principal components"),
    **{
        f"{prefix}_{key}": (key, name)
        for prefix, name in (("source", "the source as it is"), ("fill", "closed regions in mean colours"))
        for key in ("psnr", "l1", "perceptual_distance", "translation_kernel", "translation_frechet", "retrieval")
    },
    "real_translation_kernel": ("translation_kernel", "other real images"),
    "real_translation_frechet": ("translation_frechet", "other real images"),
    **{f"noisy_psnr_sigma_{level}": (f"psnr_sigma_{level}", "the noisy picture") for level in (15, 25, 50)},
    **{
        f"dark_{measure}_stops_{stops}": (f"{measure}_stops_{stops}", "the dark picture")
        for measure in ("psnr", "ssim")
        for stops in (2, 3, 4)
    },
    **{
        f"noisy_{measure}_halvings_{each}": (f"{measure}_halvings_{each}", "filtered back-projection as it is")
        for measure in ("psnr", "ssim")
        for each, _ in PHOTONS
    },
}
"""Keys that are a baseline of another key."""


def read_metrics(
    run: Path, dataset: str, seed: int, baselines: Path | None = None, split: str = "test"
) -> tuple[Metric, ...]:
    """The metrics of a run on ``split``; none where the run was not evaluated.

    Raises:
        ExportError: ``metrics.json`` or the baselines are not what they should be.
    """
    path = run / "metrics.json"
    if not path.is_file():
        return ()
    content = _read_json(path)
    try:
        values: dict[str, float] = {key: float(value) for key, value in content["metrics"][split].items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ExportError(f"{path} has no metrics of the split '{split}'; train the run to its end again.") from None
    beside = _read_baselines(baselines or run / "baselines.json", required=baselines is not None)
    if unknown := beside.keys() - values.keys():
        raise ExportError(
            f"The baselines speak of '{min(unknown)}', which {path.name} does not have; it has {', '.join(values)}."
        )
    for full_key in list(values):
        floor, slash, subject = full_key.partition("/")
        if floor in FLOORS:
            key, name = FLOORS[floor]
            beside.setdefault(key + slash + subject, {})[name] = values.pop(full_key)
    instrument = content.get("evaluator") or FIRST_INSTRUMENT
    named = {meaning.error for meaning in MEANINGS.values() if meaning.error} | {"kernel_floor_error"}
    errors = {full_key: values.pop(full_key) for full_key in list(values) if full_key.partition("/")[0] in named}
    metrics = []
    for full_key, value in values.items():
        key, slash, subject = full_key.partition("/")
        if key not in MEANINGS or not math.isfinite(value):
            log.warning(
                "the metric '%s' = %s is left out: export does not know it, or it is not a number", full_key, value
            )
            continue
        meaning = MEANINGS[key]
        metrics.append(
            Metric(
                name=meaning.name,
                subject=subject,
                value=value,
                unit=meaning.unit,
                higher_is_better=meaning.higher_is_better,
                dataset=dataset,
                split=split,
                seeds=(seed,),
                evaluator=_evaluator(meaning, instrument, errors.get(meaning.error + slash + subject)),
                baselines=beside.get(full_key, {}),
            )
        )
    return tuple(_beside_temperature_one(metric, metrics) for metric in metrics)


def _beside_temperature_one(metric: Metric, metrics: Sequence[Metric]) -> Metric:
    """`metric`, and where it is of another temperature the value at 1 beside it."""
    at_one = next((each.value for each in metrics if (each.name, each.subject) == (metric.name, "")), None)
    if metric.temperature is None or at_one is None:
        return metric
    return metric.model_copy(update={"baselines": {**metric.baselines, "temperature 1": at_one}})


def _evaluator(meaning: Meaning, instrument: str, error: float | None) -> str:
    """What measured a metric, and how surely where that is known."""
    name = instrument if meaning.evaluator is None else meaning.evaluator
    return name if error is None else f"{name}; standard error {error:.2g}"


def _read_baselines(path: Path, required: bool) -> dict[str, dict[str, float]]:
    if not path.is_file():
        if required:
            raise ExportError(f"There is no file of baselines at {path}.")
        return {}
    content = _read_json(path)
    try:
        return {key: {str(name): float(value) for name, value in rows.items()} for key, rows in content.items()}
    except (AttributeError, TypeError, ValueError):
        raise ExportError(
            f'{path} does not hold baselines; they look like {{"frechet_distance": {{"pythae VAE": 61.3}}}}.'
        ) from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be read: {error}.") from None

"""Read a training run: the one place in export that knows how training keeps its runs.

What a family may say beyond ``Trainer.inference_modules()``, all optional:

    EXPORT_OPERATORS       module constant, names of denied ONNX operators that its graphs need
    trainer.size_multiple  any height and width that are multiples of it will do; None: only the training size
    trainer.restores       (kind, lowest, highest) of ``hub.contract.Damage``: what is taken out of pictures
    trainer.told           whether the module also takes a map of how much of that there is
    trainer.threshold      the score above which an image is anomalous
    trainer.pairs          Split -> inputs and targets, uint8, where a graph is not given the images of the data
    trainer.judge          () -> a frozen classifier of the data's classes, images to logits, or None: graph ``judge``
    config.latent_dim, config.embedding_dim
"""

import inspect
from pathlib import Path
from typing import Any

from torch import nn

from export.errors import ExportError
from export.measured import read_metrics
from export.trained import Examples, Trained
from hub.contract import Damage, ImageSpec, Source
from training.checkpoint import RunInfo, latest_checkpoint, load_run, read_run_info
from training.command import command
from training.data.build import BUILDERS, attributes_of, sides_of
from training.data.dataset import ImageData, Split
from training.errors import TrainingError
from training.family import Trainer, load_family
from training.instruments import instrument_for


def read_run(path: Path, baselines: Path | None = None, data: ImageData | None = None) -> Trained:
    """The trained model of a run folder, from its latest checkpoint, or of a checkpoint folder.

    ``data``: its images, where they are not to be opened by the name that the run remembers.

    Raises:
        ExportError: no run there, a damaged one, or its images are not on this machine.
    """
    try:
        trainer = load_run(path, data)
        info = read_run_info(path if (path / "state.json").is_file() else latest_checkpoint(path))
    except TrainingError as error:
        raise ExportError(str(error)) from error
    about = info.data_info()
    if not len(trainer.data.val) or not len(trainer.data.train):
        name = about.name if about.name in BUILDERS else "NAME"
        raise ExportError(
            f"Export checks the model on the images it was trained with, and '{about.name}' is not on this machine; "
            f"'genhub data build {name}' brings it, or put it back where it was."
        )
    family: Any = load_family(info.family)
    multiple: int | None = getattr(trainer, "size_multiple", None)
    modules = trainer.inference_modules() | _judge(trainer)
    conditional = any(_takes_label(module) for module in modules.values())
    size, channels = trainer.config.image_size, trainer.config.channels
    return Trained(
        family=info.family,
        task=info.task,
        modules=modules,
        image=ImageSpec.model_validate(
            {
                "height": size,
                "width": size,
                "channels": channels,
                "dynamic": multiple is not None,
                "multiple": multiple or 1,
            }
        ),
        calibration=_examples(trainer, trainer.data.train),
        held_out=_examples(trainer, trainer.data.val),
        data=(
            Source(name=about.title, version=about.version, licence=about.licence, split=_split_sizes(trainer.data)),
        ),
        data_name=about.name,
        data_title=about.title,
        training=_training(info),
        command=info.command or command(info),
        summary=inspect.cleandoc(family.__doc__ or ""),
        git_commit=info.git_commit or "unknown",
        latent_dim=getattr(trainer.config, "latent_dim", None),
        embedding_dim=getattr(trainer.config, "embedding_dim", None),
        shown=_examples(trainer, trainer.data.test) if getattr(trainer.config, "latent_dim", None) == 2 else None,
        class_names=tuple(about.class_names),
        labels=tuple(about.class_names) if conditional or "judge" in modules else (),
        conditional=conditional,
        attributes=attributes_of(about.name),
        restores=_restores(trainer),
        told=getattr(trainer, "told", False),
        sides=_sides(trainer, info.task, about.name),
        threshold=getattr(trainer, "threshold", None),
        metrics=read_metrics(_run_folder(path), about.title, info.seed, baselines),
        instrument=instrument_for(trainer.data, len(trainer.data.val)) if info.task == "sample" else None,
        declared_operators=frozenset(getattr(family, "EXPORT_OPERATORS", ())),
        attribution=about.attribution,
        notes=tuple(about.notes),
    )


def _training(info: RunInfo) -> dict[str, Any]:
    return {
        "config": info.config,
        "steps": info.step,
        "images_seen": info.images_seen,
        "minutes": round(info.elapsed_seconds / 60, 1),
        "seed": info.seed,
        "data_identity": info.data_info().identity,
        "versions": info.versions,
        "notes": info.notes,
    }


def _run_folder(path: Path) -> Path:
    """The run that a checkpoint folder (``RUN/checkpoints/step-N``) belongs to."""
    return path.parent.parent if (path / "state.json").is_file() else path


def _takes_label(module: nn.Module) -> bool:
    return "label" in inspect.signature(module.forward).parameters


def _judge(trainer: Trainer) -> dict[str, nn.Module]:
    make = getattr(trainer, "judge", None)
    judge: nn.Module | None = make() if make else None
    return {} if judge is None else {"judge": judge}


def _restores(trainer: Trainer) -> Damage | None:
    named = getattr(trainer, "restores", None)
    if named is None:
        return None
    kind, lowest, highest = named
    return Damage(kind=kind, lowest=lowest, highest=highest)


def _sides(trainer: Trainer, task: str, data_name: str) -> tuple[str, str] | None:
    if task != "translate":
        return None
    named, pairing = sides_of(data_name), trainer.config.pairing
    return named[::-1] if named and pairing and pairing.direction == "BtoA" else named


def _examples(trainer: Trainer, split: Split) -> Examples:
    pairs = getattr(trainer, "pairs", None)
    images, targets = pairs(split) if pairs else (split.images, None)
    return Examples(images=images, labels=split.labels, targets=targets, columns=split.columns)


def _split_sizes(data: ImageData) -> str:
    return " / ".join(
        f"{len(split):,} {name}"
        for name, split in (("train", data.train), ("validation", data.val), ("test", data.test))
    )

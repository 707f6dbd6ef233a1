"""A trained model as export sees it: modules, real data, and where both came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from hub.contract import Damage, ImageSpec, Metric, Source
from training.data.attributes import Attribute
from training.instruments import Instrument


@dataclass(frozen=True)
class Examples:
    """Real data of one split. Arrays have one row per example; ``None`` where the task has no such thing."""

    images: np.ndarray
    """uint8 [N, H, W, C]; for CLIP at the size and in the order the vision model takes."""
    labels: np.ndarray | None = None
    """int64 [N]."""
    targets: np.ndarray | None = None
    """uint8 [N, H, W, C]: what a translation, or an identity swap, should have given."""
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What else the data set knows of each picture, int64 [N] by name of column."""
    tokens: Mapping[str, np.ndarray] = field(default_factory=dict)
    """CLIP: ``input_ids`` and ``attention_mask``, int64 [N, L]."""

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Trained:
    """Everything a bundle is made from."""

    family: str
    task: str
    modules: Mapping[str, nn.Module]
    """Float [-1, 1] NCHW, as ``export.graphs`` says for each task."""
    image: ImageSpec
    calibration: Examples
    """From the training split: what int8 takes its ranges from."""
    held_out: Examples
    """From the validation split: what parity, gates and examples are made with. ``test`` is for reported numbers."""
    data: tuple[Source, ...]
    data_name: str
    """Short name for ids and commands, for example ``fashion``."""
    data_title: str
    training: Mapping[str, Any]
    """Config, preset, steps and seed: enough to train it again."""
    command: str
    """The line that trains it again."""
    summary: str = ""
    """What the family is, in a sentence or two."""
    git_commit: str = "unknown"
    latent_dim: int | None = None
    embedding_dim: int | None = None
    shown: Examples | None = None
    """From the test split: shown on the map of a plane, and used for nothing else."""
    class_names: tuple[str, ...] = ()
    """Classes of the data, whether the model knows of them or not."""
    labels: tuple[str, ...] = ()
    conditional: bool = False
    """Whether the modules take ``label``."""
    attributes: tuple[Attribute, ...] = ()
    """What the data set says its pictures have or lack."""
    restores: Damage | None = None
    """What a restoring model takes out of its pictures."""
    told: bool = False
    """Whether it also takes ``level``: how much of that there is."""
    sides: tuple[str, str] | None = None
    """What goes in and what comes out of a translator, in words."""
    threshold: float | None = None
    metrics: tuple[Metric, ...] = ()
    instrument: Instrument | None = None
    """What measures pictures of this data, where something does: lets the int8 gate see distances of samples."""
    declared_operators: frozenset[str] = frozenset()
    """Denied operators that the family declares in ``EXPORT_OPERATORS``."""
    attribution: str = ""
    notes: tuple[str, ...] = ()
    """What a user should know about the data, one sentence each."""

    @property
    def sizes(self) -> dict[str, int]:
        """What the contract's dimension names mean for this model; a name that is missing is dynamic."""
        height, width = self.image.height, self.image.width
        sizes: dict[str, int] = {"channels": self.image.channels}
        if not self.image.dynamic:
            sizes |= {"height": height, "width": width, "style_height": height, "style_width": width}
        if self.latent_dim is not None:
            sizes["latent"] = self.latent_dim
        if self.labels:
            sizes["classes"] = len(self.labels)
        if self.embedding_dim is not None:
            sizes["embedding"] = self.embedding_dim
        return sizes

    @property
    def optional_inputs(self) -> frozenset[str]:
        """The contract's optional inputs that the modules take."""
        return frozenset(name for name, taken in (("label", self.conditional), ("level", self.told)) if taken)

    @property
    def parameters(self) -> int:
        """Weights of all modules but the judge, each counted once even where modules share them.

        A judge is an instrument that comes along: whoever compares two models by their size means the models.
        """
        own = [module for name, module in self.modules.items() if name != "judge"]
        return sum({id(p): p.numel() for module in own for p in module.parameters()}.values())

"""Begin a run with the weights of a bundle, in place of random ones: to train it further, or on pictures of one's own.

A bundle keeps the averaged weights of its graphs (`model.safetensors`) and the settings they were learned with
(`config.json`). What else a recipe has, such as discriminators and optimizers, begins anew, so the first steps of an
adversarial one are a discriminator's that knows nothing yet.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from training.command import as_json, flag
from training.config import CHANGEABLE, RunConfig
from training.ema import EMA
from training.errors import TrainingError
from training.family import Trainer, load_family

NO_SHAPE = CHANGEABLE | {"seed", "start", "precision", "batch_size", "crop", "turn", "bend", "hue"}
"""Settings that say nothing of the nets."""


@dataclass(frozen=True)
class Beginning:
    """What a run begins with."""

    folder: Path
    about: dict[str, Any]
    """The bundle's `config.json`."""
    weights: bytes

    def note(self) -> str:
        """Where the weights come from, as the card of what becomes of them says it."""
        steps, minutes = self.about.get("steps", 0), self.about.get("minutes", 0)
        found = hashlib.sha256(self.weights).hexdigest()
        name = self.folder.resolve().name
        return f"Began with the weights of `{name}`: {steps:,} steps in {minutes} minutes, sha256 `{found}`."


def read_beginning(folder: Path, family: str) -> Beginning:
    """The weights of the bundle in `folder`. Raises TrainingError where `family` cannot begin with them."""
    try:
        about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = (folder / "model.safetensors").read_bytes()
        theirs = about["family"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{folder} is no bundle to begin with: it needs a config.json and a model.safetensors."
        ) from error
    if theirs not in (family, *getattr(load_family(family), "BEGINS_WITH", ())):
        raise TrainingError(f"{folder} holds weights of {theirs}; {family} cannot begin with them.")
    return Beginning(folder, about, weights)


def begin(trainer: Trainer, beginning: Beginning) -> None:
    """Put the weights into the averages of `trainer`, and from there into the nets. Raises TrainingError."""
    try:
        state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in _load(beginning)}
        for name, module in _places(trainer, beginning.about["family"]).items():
            prefix = f"{name}."
            keys = [key for key in state if key.startswith(prefix)]
            module.load_state_dict({key.removeprefix(prefix): state.pop(key) for key in keys})
        if state:
            raise KeyError(next(iter(state)))
    except (RuntimeError, KeyError) as error:
        raise TrainingError(
            f"The weights in {beginning.folder} do not fit these settings{_differences(trainer.config, beginning)}."
        ) from error
    modules = trainer.modules()
    for name, average in modules.items():
        if isinstance(average, EMA):
            modules[name.removesuffix("_ema")].load_state_dict(average.average.state_dict())


def _load(beginning: Beginning) -> list[tuple[str, Tensor]]:
    try:
        return list(load(beginning.weights).items())
    except SafetensorError as error:
        raise TrainingError(f"The weights in {beginning.folder} are damaged ({error}).") from error


def _places(trainer: Trainer, family: str) -> dict[str, nn.Module]:
    """Where the weights of each graph of `family` go. One whose graphs are not its modules says so."""
    own = getattr(trainer, "places", None)
    places: dict[str, nn.Module] = own(family) if own else trainer.inference_modules()
    return places


def _differences(config: RunConfig, beginning: Beginning) -> str:
    """The flags that would make `config` what the weights were learned with, as the end of a sentence."""
    theirs = asdict(type(config)()) | beginning.about.get("config", {})  # settings newer than them have their defaults
    found = [
        flag(name, theirs[name])
        for name, value in asdict(config).items()
        if name not in NO_SHAPE and as_json(theirs[name]) != as_json(value)
    ]
    return f": they were learned with {', '.join(found)}" if found else ""

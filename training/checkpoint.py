"""Checkpoints: everything that an exact resume needs, in safetensors and JSON, complete or not there at all.

    RUN/config.json                         what the run is (RunInfo)
    RUN/checkpoints/step-00001200/
        config.json                         the same, at this step
        state.safetensors, state.json       weights, averages, optimizers, schedules, random states, place in the data

Export uses one function: `load_run(path)`.
"""

import json
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from training.atomic import atomic_path
from training.config import RunConfig
from training.data.dataset import DataInfo, ImageData, absent_data
from training.errors import TrainingError
from training.family import Stateful, Trainer, load_family
from training.precision import new_accelerator
from training.state_files import flatten_state, match_layouts, unflatten_state

FORMAT = 1
KEPT = 2
"""Checkpoints that a run keeps: the latest, and one before it in case the disk lets the latest down."""


@dataclass(frozen=True)
class RunInfo:
    """What a run is and how far it got: `config.json` of a run folder and of every checkpoint."""

    family: str
    task: str
    config: dict[str, Any]
    """Every field of the family's Config."""
    data: dict[str, Any]
    """DataInfo of the training data."""
    data_spec: str
    """What `--data` was: a name, an absolute folder or a hub id."""
    seed: int
    created: str
    """UTC, ISO 8601."""
    versions: dict[str, str]
    git_commit: str | None
    step: int = 0
    images_seen: int = 0
    elapsed_seconds: float = 0.0
    format: int = FORMAT
    notes: list[str] = field(default_factory=list)
    """What `config` and `git_commit` alone do not say of how it came about, a sentence each."""
    command: str = ""
    """The line that trains it again at that commit; empty in runs older than this field."""

    def family_config(self) -> RunConfig:
        """The family's Config, typed. Raises TrainingError (`stored_config`)."""
        return stored_config(self.family, self.config)

    def data_info(self) -> DataInfo:
        """Identity and provenance of the training data, typed."""
        return DataInfo(**self.data)


def stored_config(family: str, settings: Mapping[str, Any]) -> RunConfig:
    """The family's Config of settings that were stored; those that are newer than them have their defaults.

    Raises TrainingError when this version of the family lacks one of them.
    """
    kind = load_family(family).Config
    if unknown := settings.keys() - {item.name for item in fields(kind)}:
        raise TrainingError(
            f"This run of {family} has settings that this version does not know: {', '.join(sorted(unknown))}."
        )
    # JSON knows lists where a Config has tuples.
    typed: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return kind(**typed)


def read_run_info(folder: Path) -> RunInfo:
    """RunInfo of a run or checkpoint folder. Raises TrainingError."""
    path = folder / "config.json"
    if not path.is_file():
        raise TrainingError(f"{folder} is not a training run: it has no config.json.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise TrainingError(f"{path} has format {content['format']}; this version reads format {FORMAT}.")
        return RunInfo(**content)
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged ({error}).") from error


def changes(latest: RunInfo, config: RunConfig) -> list[str]:
    """A sentence where a run goes on with another budget, by which its schedules go, or with other code; else none."""
    budgets = {name: (latest.config[name], getattr(config, name)) for name in ("max_steps", "max_minutes")}
    found = [f"--{name.replace('_', '-')} {old} -> {new}" for name, (old, new) in budgets.items() if old != new]
    if (commit := git_commit()) != latest.git_commit:
        found.append(f"commit {commit}")
    return [f"Resumed at step {latest.step:,} with {', '.join(found)}."] if found else []


def checkpoints(run: Path) -> list[Path]:
    """Complete checkpoints of a run, oldest first."""
    found = [
        path
        for path in (run / "checkpoints").glob("step-*")
        if re.fullmatch(r"step-\d+", path.name) and (path / "state.json").is_file()
    ]
    return sorted(found, key=lambda path: int(path.name.removeprefix("step-")))


def latest_checkpoint(run: Path) -> Path:
    """The newest complete checkpoint. Raises TrainingError if the run has none."""
    read_run_info(run)
    found = checkpoints(run)
    if not found:
        raise TrainingError(f"{run} has no checkpoint yet; start it again with another --out, or delete the folder.")
    return found[-1]


def save_checkpoint(run: Path, info: RunInfo, modules: dict[str, Stateful], loop_state: dict[str, Any]) -> Path:
    """Write `RUN/checkpoints/step-N`, atomically, and drop all but the last KEPT. Returns its path."""
    state = {"modules": {name: module.state_dict() for name, module in modules.items()}, "loop": loop_state}
    tree, tensors = flatten_state(state, "state")
    path = run / "checkpoints" / f"step-{info.step:08d}"
    with atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / "state.safetensors").write_bytes(save(tensors))
        (temporary / "state.json").write_text(json.dumps(tree), encoding="utf-8")
        (temporary / "config.json").write_text(json.dumps(asdict(info), indent=2) + "\n", encoding="utf-8")
        if path.exists():  # this very step, saved before; not removed until its successor is written
            shutil.rmtree(path)
    for old in checkpoints(run)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    for leftover in path.parent.glob(".step-*.tmp"):  # of killed processes; ours has just been renamed
        shutil.rmtree(leftover, ignore_errors=True)
    return path


def restore_checkpoint(checkpoint: Path, modules: dict[str, Stateful]) -> dict[str, Any]:
    """Load a checkpoint into `modules`; returns the loop's state. Raises TrainingError for a broken or foreign one."""
    try:
        tree = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
        state = unflatten_state(tree, load_file(checkpoint / "state.safetensors"))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise TrainingError(
            f"The checkpoint {checkpoint} is damaged ({error}); delete it to go on from the one before."
        ) from error
    if set(state["modules"]) != set(modules):
        raise TrainingError(
            f"The checkpoint {checkpoint} does not belong to this version of the family: it holds other modules."
        )
    for name, module in modules.items():
        try:
            module.load_state_dict(state["modules"][name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise TrainingError(
                f"The checkpoint {checkpoint} does not fit this version of the family: {name} has another shape."
            ) from error
        if isinstance(module, torch.optim.Optimizer):
            match_layouts(module)
    loop_state: dict[str, Any] = state["loop"]
    return loop_state


def load_run(path: Path, data: ImageData | None = None) -> Trainer:
    """Open a trained model, in eval mode on the CPU, from a run folder (its latest checkpoint) or a checkpoint folder.

    data: images for `evaluate`; without it the run's own data set is opened where it is at hand, else an ImageData with
    its DataInfo and no images is used. Raises TrainingError, in one sentence, for anything that is not a whole run.
    """
    path = Path(path)
    if not path.is_dir():
        raise TrainingError(f"There is no training run at {path}.")
    checkpoint = path if (path / "state.json").is_file() else latest_checkpoint(path)
    info = read_run_info(checkpoint)
    config = info.family_config()
    if data is None:
        data = _data_at_hand(info, config)
    trainer = load_family(info.family).Trainer(config, data, new_accelerator(cpu=True))
    restore_checkpoint(checkpoint, trainer.modules())
    for module in trainer.modules().values():
        if isinstance(module, torch.nn.Module):
            module.eval()
    return trainer


def _data_at_hand(info: RunInfo, config: RunConfig) -> ImageData:
    from training.data.open import open_data  # here, because reading data is a wing of its own that most callers skip

    try:
        return open_data(info.data_spec, config.image_size, config.channels, online=False, pairing=config.pairing)
    except TrainingError:
        return absent_data(info.data_info(), config.image_size, config.channels)


def random_state() -> dict[str, Any]:
    """State of every global random generator of this process."""
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    state: dict[str, Any] = {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` took."""
    random.setstate(state["python"])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, _as_numpy(keys), *rest))
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"])


def _as_numpy(keys: Tensor) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return keys.numpy().astype(np.uint32)


def library_versions() -> dict[str, str]:
    """Versions of what shapes the numbers."""
    return {name: metadata.version(name) for name in ("torch", "accelerate", "numpy")}


def git_commit() -> str | None:
    """Commit of the checkout that this code runs from, with `-dirty` behind it where files are not as they were
    committed; None where it is installed instead.
    """
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None

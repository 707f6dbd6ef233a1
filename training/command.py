"""The line that trains a run again, as people type it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.checkpoint import RunInfo
from training.data.build import BUILDERS
from training.family import load_family


def command(info: RunInfo) -> str:
    """The nearest preset as it is now, and a flag for every setting that differs from it."""
    differences = {
        preset: {key: value for key, value in info.config.items() if as_json(asdict(config).get(key)) != as_json(value)}
        for preset, config in load_family(info.family).PRESETS.items()
    }
    preset = min(differences, key=lambda name: len(differences[name]))
    flags = [flag(key, value) for key, value in differences[preset].items()]
    return " ".join(["genhub train", info.family, "--preset", preset, "--data", _data_spec(info), *flags])


def flag(name: str, value: Any) -> str:
    """A setting as the flag that makes it so."""
    called = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{called}" if value else f"--no-{called}"
    if isinstance(value, list | tuple):
        return " ".join([f"--{called}", *map(str, value)])
    if name == "start" and Path(value).is_absolute():
        value = Path(value).name  # a path of the training machine says nothing elsewhere
    return f"--{called} {value}"


def as_json(value: object) -> object:
    """As a run's config remembers it: a tuple has become a list."""
    return list(value) if isinstance(value, tuple) else value


def _data_spec(info: RunInfo) -> str:
    """`--data` as anyone could give it: a path of the training machine says nothing elsewhere."""
    if info.data_spec in BUILDERS:
        return info.data_spec
    return "FOLDER" if Path(info.data_spec).is_absolute() else info.data_spec

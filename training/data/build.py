"""`genhub data build NAME`: each data set is built once, into one Parquet file in the user's cache."""

from importlib import import_module
from pathlib import Path

from training.data.dataset import DataInfo, read_info
from training.data.sources import cache_dir, read_source
from training.errors import TrainingError

BUILDERS: dict[str, str] = {"fashion": "training.data.fashion"}
"""Data set -> module whose `build(source, path)` makes it."""


def parquet_path(name: str) -> Path:
    """Where the built data set `name` lives."""
    return cache_dir() / "data" / f"{name}.parquet"


def build(name: str) -> tuple[DataInfo, bool]:
    """Build `name` unless it is there already in the pinned version. Returns its info and whether it was built now."""
    if name not in BUILDERS:
        raise TrainingError(f"There is no data set called {name!r}; there are: {', '.join(sorted(BUILDERS))}.")
    source, path = read_source(name), parquet_path(name)
    if path.exists():
        try:
            info = read_info(path)
            if info.version == source.version:
                return info, False
        except TrainingError:
            pass  # damaged: building again is the cure
    return import_module(BUILDERS[name]).build(source, path), True

"""`--data NAME|FOLDER|hub id`: one way to name a data set, whatever it is."""

import re
from pathlib import Path

from training.data.build import BUILDERS, build, parquet_path
from training.data.dataset import ImageData, read_parquet
from training.errors import TrainingError

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def open_data(spec: str, image_size: int, channels: int, online: bool = True) -> ImageData:
    """Open a built data set (built now if need be), a Parquet file, a folder of images, or a Hub data set.

    online: whether something may be fetched that is not on this machine yet. Raises TrainingError.
    """
    if spec in BUILDERS:
        path = parquet_path(spec)
        if online:
            build(spec)
        elif not path.exists():
            raise TrainingError(f"The data set {spec} is not built here; run `genhub data build {spec}`.")
        return read_parquet(path, image_size, channels)
    path = Path(spec).expanduser()
    if path.is_file():
        return read_parquet(path, image_size, channels)
    if path.is_dir():
        from training.data.folder import read_folder

        return read_folder(path, image_size, channels)
    if online and HUB_ID.fullmatch(spec) and not spec.startswith("."):
        from training.data.hub import read_hub

        return read_hub(spec, image_size, channels)
    names = ", ".join(sorted(BUILDERS))
    raise TrainingError(f"--data {spec} is no data set ({names}), no folder or Parquet file here, and no hub id.")


def normal_spec(spec: str) -> str:
    """The form to remember in a run: paths absolute, names and hub ids as they are."""
    path = Path(spec).expanduser()
    return str(path.resolve()) if spec not in BUILDERS and path.exists() else spec

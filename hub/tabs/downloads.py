"""Files for the browser to fetch, in the folder that Gradio serves (:mod:`hub.scratch`).

Gradio could write pictures there itself, and does so over what is there: whoever was just fetching the same picture,
and two visitors who open the page see the same ones, got it cut off. Here a file is written once, and whole.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from gradio import FileData
from gradio.processing_utils import hash_bytes
from gradio.utils import get_upload_folder

from hub import files, images


def download(content: bytes, name: str) -> str:
    """The path of a file called ``name``.

    Raises:
        RequestError: it cannot be written, as on a full disk.
    """
    path = Path(get_upload_folder()) / hash_bytes(content) / Path(name).name
    try:
        os.utime(path)  # what nobody has asked for in a while is removed
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content)
    return str(path)


def download_png(image: np.ndarray, name: str) -> str:
    """The path of ``image``, uint8 [H, W, C], as a file called ``name``, which ends in .png."""
    return download(images.to_png(image), name)


def handed(path: str | Path) -> Any:
    """The file as endpoints hand it to Gradio's clients, which fetch it."""
    return FileData(path=str(path), orig_name=Path(path).name).model_dump()


def place(name: str) -> Path:
    """Where a file called ``name`` may be written that is too large to hold in memory: a new, empty folder there."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder)) / name

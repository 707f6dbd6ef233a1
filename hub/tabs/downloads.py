"""Files for the browser to fetch."""

import tempfile
from pathlib import Path

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder


def download(content: bytes, name: str) -> str:
    """The path of a file called ``name`` in Gradio's own cache, which empties itself."""
    path: str = save_bytes_to_cache(content, name, get_upload_folder())
    return path


def place(name: str) -> Path:
    """Where a file called ``name`` may be written that is too large to hold in memory: a new, empty folder there."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder)) / name

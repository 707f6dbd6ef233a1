"""Files for the browser to fetch."""

from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder


def download(content: bytes, name: str) -> str:
    """The path of a file called ``name`` in Gradio's own cache, which empties itself."""
    path: str = save_bytes_to_cache(content, name, get_upload_folder())
    return path

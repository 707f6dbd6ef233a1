"""Files that people hand in."""

import os
from pathlib import Path

from gradio.utils import get_upload_folder

from hub.errors import RequestError


def uploaded(file: object) -> Path:
    """Where an upload lies; ``file`` is Gradio's description of it.

    Raises:
        RequestError: it is no upload, or nobody has asked for it in so long that it was removed.
    """
    path = Path(str(file["path"])) if isinstance(file, dict) and file.get("path") else None
    # Gradio has moved what it recognised as a file into this folder. Nothing else is opened, whatever a caller names.
    if path is None or not path.resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise RequestError("The picture must be an uploaded file.")
    try:
        os.utime(path)
    except OSError:
        raise RequestError("The upload is no longer there: please hand it in once more.") from None
    return path

"""DICOM files as pictures, where pydicom is installed: a slice in whole grey levels, and none of what names a patient.

Of CT, a model of slices is given the levels that it knows (``hub.tasks.tomography``). Everything else is shown in the
window that the file asks for, or from its least value to its greatest.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hub.depth import Picture
from hub.errors import RequestError
from hub.images import PIXEL_LIMIT

NOTICE = "This is no medical device: nothing here is for diagnosis or treatment."
SUFFIXES = (".dcm", ".dicom")
"""What such files are called, for a browser's dialogue."""
PREAMBLE = 128
"""Bytes of anything before the four that say what the file is."""

Tone = Callable[[np.ndarray], np.ndarray]
"""Hounsfield units [H, W] -> grey levels, uint8."""


def is_dicom(path: Path) -> bool:
    """Whether a file says of itself that it is DICOM."""
    try:
        with path.open("rb") as file:
            return file.read(PREAMBLE + 4)[PREAMBLE:] == b"DICM"
    except OSError:
        return False


def read(path: Path, limit: int = PIXEL_LIMIT, tone: Tone | None = None) -> Picture:
    """The slice in a DICOM file, or the first of them, in 8 bits.

    ``tone``: that of the model, used for CT.

    Raises:
        RequestError: pydicom is not installed, or no grey slice can be read, or one with more than ``limit`` pixels.
    """
    try:
        import pydicom
        from pydicom.pixels.processing import apply_modality_lut
        from pydicom.pixels.utils import pixel_array
    except ImportError:
        raise RequestError(
            "This is a DICOM file, which takes one more package to read: pip install 'generative-hub[dicom]'."
        ) from None
    try:
        file: Any = pydicom.dcmread(path)
        height, width, samples = int(file.Rows), int(file.Columns), int(file.get("SamplesPerPixel", 1))
        frames = int(file.get("NumberOfFrames", 1) or 1)
    except Exception:  # damaged files make it raise anything
        raise RequestError("This DICOM file has no picture, or it is damaged; give a file of one slice.") from None
    if height * width > limit:
        raise RequestError(f"The picture is too large: give one of at most {limit // 10**6} megapixels.")
    if samples != 1:
        raise RequestError("This DICOM file holds a colour picture; give a grey slice.")
    try:
        stored = pixel_array(file, index=0) if frames > 1 else pixel_array(file)
        values = np.nan_to_num(np.asarray(apply_modality_lut(stored, file), np.float64))
        if values.shape != (height, width):
            raise ValueError("no single slice")
    except Exception:  # missing decoders and damaged pixels make it raise anything
        raise RequestError(
            "The pixels of this DICOM file are damaged, or compressed in a way that cannot be read here; "
            "give it uncompressed."
        ) from None
    modality = str(file.get("Modality", ""))
    if tone and modality == "CT":
        pixels, shown = tone(values), "Shown in the model's own window, that of soft tissue: level 40, width 400."
    else:
        low, high, shown = _window(file, values)
        pixels = ((values - low) / (high - low) * 255).clip(0, 255).round().astype(np.uint8)
        if file.get("PhotometricInterpretation") == "MONOCHROME1":
            pixels = 255 - pixels
        if tone:
            shown += " The model is one for CT, and this file does not say that it is CT."
    notes = [f"The file holds {frames} slices; this is the first."] if frames > 1 else []
    return Picture(np.ascontiguousarray(pixels)[..., None], notes=(*notes, shown, NOTICE))


def _window(file: Any, values: np.ndarray) -> tuple[float, float, str]:
    """The values that become black and white (DICOM PS3.3, C.11.2.1.2), and a sentence about it."""
    level, width = (_first(file.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if level is not None and width is not None and width > 1:
        low = level - 0.5 - (width - 1) / 2
        return low, low + width - 1, f"Shown in the file's own window: level {level:g}, width {width:g}."
    low, high = float(values.min()), float(values.max())
    return low, max(high, low + 1), "The file names no window: it is shown from its least value to its greatest."


def _first(value: Any) -> float | None:
    """The first of several numbers, or the only one; ``None`` where there is none."""
    try:
        number = float(value if isinstance(value, str | int | float) else next(iter(value)))
    except (TypeError, ValueError, StopIteration):
        return None
    return number if math.isfinite(number) else None

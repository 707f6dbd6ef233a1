"""Pictures out: uint8 arrays to PNG bytes, grids and archives."""

import io
import math
import zipfile

import numpy as np
from PIL import Image


def to_pil(image: np.ndarray) -> Image.Image:
    """A uint8 image [H, W, C] with C of 1 (grey), 3 (RGB) or 4 (RGBA)."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def to_rgb(image: np.ndarray) -> np.ndarray:
    """A uint8 image [H, W, C] with three channels at least: grey is repeated, colour and alpha stay."""
    return image.repeat(3, axis=2) if image.shape[-1] == 1 else image


def to_png(image: np.ndarray) -> bytes:
    """A uint8 image [H, W, C] as the bytes of a PNG."""
    buffer = io.BytesIO()
    to_pil(image).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


def enlarge(images: np.ndarray, at_least: int) -> np.ndarray:
    """uint8 [N, H, W, C] repeated pixel by pixel until a side is ``at_least`` long: small pictures stay crisp."""
    factor = max(1, math.ceil(at_least / min(images.shape[1:3])))
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def grid(images: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """uint8 [N, H, W, C] laid out row by row on white, as one image [H', W', C]. About square unless told."""
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 255, dtype=np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def to_zip(pngs: dict[str, bytes]) -> bytes:
    """An archive of PNGs by name. Stored, not deflated: a PNG does not shrink further."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in pngs.items():
            archive.writestr(name, content)
    return buffer.getvalue()

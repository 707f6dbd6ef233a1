"""Pictures in: whatever people upload, fitted to a model. Pictures out: PNG and GIF bytes, grids and archives."""

import base64
import io
import math
import reprlib
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hub import files
from hub.contract import ImageSpec
from hub.errors import RequestError

PIXEL_LIMIT = 100_000_000
"""Pictures with more pixels are refused: more likely a decompression bomb than a photograph."""
PLAIN = 24
"""Grey levels within which a border is one plain ground, and within which a picture's own ground ends."""
OFF_GROUND = 96
"""Grey levels by which a picture's ground may miss the training pictures' and still be taken for it."""
BEAT = 80
"""Milliseconds that a film shows each picture."""
REST = 6
"""Beats that it stays at either end."""

Background = Literal["auto", "keep", "invert"]
BACKGROUNDS: tuple[str, ...] = get_args(Background)


def read(path: Path | io.BytesIO, limit: int = PIXEL_LIMIT) -> Image.Image:
    """A picture file as 8-bit L, RGB or RGBA: its first frame, upright, with 16 bits or floats scaled down.

    Raises:
        RequestError: no picture, a damaged one, or one with more than ``limit`` pixels.
    """
    with opened(path, limit, draft=(2048, 2048)) as picture:  # a large JPEG is decoded at a fraction of its size
        picture.load()
        return eight_bits(ImageOps.exif_transpose(picture))


@contextmanager
def opened(
    path: Path | io.BytesIO, limit: int = PIXEL_LIMIT, draft: tuple[int, int] | None = None
) -> Iterator[Image.Image]:
    """A picture file, not decoded yet; what goes wrong while it is used here is told in a sentence.

    ``draft``: a size that is enough, where the format can be decoded at a fraction of its own.

    Raises:
        RequestError: no picture, a damaged one, or one with more than ``limit`` pixels.
    """
    too_large = f"The picture is too large: give one of at most {limit // 10**6} megapixels."
    try:
        with Image.open(path) as picture:
            if draft:
                picture.draft("RGB", draft)
            if picture.width * picture.height > limit:
                raise RequestError(too_large)
            yield picture
    except RequestError:
        raise
    except Image.DecompressionBombError:
        raise RequestError(too_large) from None
    except UnidentifiedImageError:
        raise RequestError("This file is not a picture that can be read; give a PNG, JPEG or WebP.") from None
    except Exception:  # damaged files make Pillow raise anything, from OSError to struct.error
        raise RequestError("This picture is damaged and cannot be read; give another file.") from None


def eight_bits(picture: Image.Image) -> Image.Image:
    """``picture`` of any mode as 8-bit L, RGB or RGBA."""
    if picture.mode.startswith(("I", "F")):
        # Pillow's own conversion cuts 16-bit values off at 255, which turns most pictures white.
        values = np.nan_to_num(np.asarray(picture).astype(np.float64))
        low = min(values.min(), 0.0)
        high = next((top for top in (255.0, 65535.0) if values.max() <= top), values.max())
        if picture.mode == "F" and values.max() <= 1:
            high = 1.0
        return Image.fromarray(((values - low) / (high - low) * 255).round().astype(np.uint8))
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture if picture.mode in ("L", "RGB") else picture.convert("L" if picture.mode == "1" else "RGB")


def plain_ground(pictures: Sequence[np.ndarray]) -> int | None:
    """The grey level behind the motif of ``pictures``, uint8 [H, W, C] each, where all share one that is near black
    or near white; ``None`` where they do not, as with photographs, or where there are none.
    """
    levels = [float(np.median(_border(image))) for image in pictures]
    for ground in (0, 255):
        if levels and all(abs(level - ground) <= PLAIN for level in levels):
            return ground
    return None


def fit(
    picture: Image.Image, spec: ImageSpec, background: Background = "auto", ground: int | None = None
) -> np.ndarray:
    """``picture`` (from :func:`read`) as a model sees it, uint8 [H, W, C].

    A picture of the model's own size keeps every pixel. Others are resized whole: onto a square of their own ground
    where the model's pictures have a plain one, which grey pictures are then brought to; else cut to the model's
    proportions around the middle.

    Args:
        picture: 8-bit L, RGB or RGBA.
        spec: the size and channels that the model takes.
        background: ``invert`` swaps dark and light, ``keep`` does not; ``auto`` swaps where that brings the border of
            a grey picture nearer to ``ground``.
        ground: the grey level behind the model's training pictures (:func:`plain_ground`), or ``None``.

    Raises:
        RequestError: ``background`` is none of the three.
    """
    if background not in BACKGROUNDS:
        raise RequestError(f"The background must be {', '.join(BACKGROUNDS)}, not {reprlib.repr(background)}.")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[spec.channels]
    if picture.mode == "RGBA" and spec.channels != 4:
        picture = _on_contrast(picture)
    picture = picture.convert(mode)
    size = (spec.width, spec.height)
    resized = picture.size != size
    if resized:
        picture = ImageOps.fit(picture, size, Image.Resampling.LANCZOS) if ground is None else _centred(picture, size)
    image = np.asarray(picture).reshape(spec.height, spec.width, spec.channels)
    level = float(np.median(_border(image)))
    nearer = spec.channels == 1 and ground is not None and abs(255 - level - ground) < abs(level - ground)
    if background == "invert" or (background == "auto" and nearer):
        image = image.copy()
        image[..., :3] = 255 - image[..., :3]  # never the alpha
        level = 255 - level
    if resized and spec.channels == 1 and ground is not None and abs(level - ground) < OFF_GROUND:
        # Paper is never quite white: its level becomes exactly the ground's, the other end of the scale stays.
        far = 255 - ground
        levels = far + (image.astype(np.float32) - far) * ((ground - far) / (level - far))
        image = levels.clip(0, 255).round().astype(np.uint8)
    return image


def _on_contrast(picture: Image.Image) -> Image.Image:
    """RGBA laid on white where what it shows is dark, on black where it is light: a drawing never disappears."""
    pixels = np.asarray(picture)
    grey, opaque = np.asarray(picture.convert("RGB").convert("L")), pixels[..., 3]
    dark = np.average(grey, weights=opaque) < 128 if opaque.any() else True
    sheet = Image.new("RGBA", picture.size, "white" if dark else "black")
    return Image.alpha_composite(sheet, picture).convert("RGB")


def _centred(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """What ``picture`` shows, in the middle of ``size`` on the colour of its own border.

    A wide empty margin is trimmed to a sixteenth, as data sets of this kind have it: else a shoe photographed from
    afar would reach the model as a dot.
    """
    pixels = np.asarray(picture)
    colour = np.median(_border(pixels), axis=0)
    differs = np.abs(pixels.astype(np.float32) - colour).reshape(picture.height, picture.width, -1)
    shows = differs.max(axis=2) > 2 * PLAIN
    rows, columns = np.flatnonzero(shows.any(axis=1)), np.flatnonzero(shows.any(axis=0))
    room = 1.0
    if len(rows) and not _border(shows).any():
        picture = picture.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))
        room = 7 / 8
    scale = room * min(size[0] / picture.width, size[1] / picture.height)
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    levels = tuple(int(level) for level in np.atleast_1d(colour))
    sheet = Image.new(picture.mode, size, levels if len(levels) > 1 else levels[0])
    resized = picture.resize(inner, Image.Resampling.LANCZOS)
    sheet.paste(resized, ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2))
    return sheet


def _border(image: np.ndarray) -> np.ndarray:
    """The outermost pixels of [H, W] or [H, W, C], as [K] or [K, C]."""
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


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


def to_data_uri(content: bytes, kind: str = "png") -> str:
    """The bytes of a picture inside a URI: no second request, so it is there with the page."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def from_data_uri(uri: object) -> Image.Image:
    """The PNG that :func:`to_data_uri` put into ``uri``, as :func:`read` gives it.

    Raises:
        RequestError: it is no such URI, or what it holds is no picture.
    """
    head = "data:image/png;base64,"
    if not isinstance(uri, str) or not uri.startswith(head):
        raise RequestError("The picture must be a PNG inside a data URI.")
    try:
        content = base64.b64decode(uri[len(head) :], validate=True)
    except ValueError:
        raise RequestError("The picture's data URI is damaged.") from None
    return read(io.BytesIO(content))


def there_and_back(count: int) -> tuple[list[int], list[int]]:
    """How a film of ``count`` pictures is played: which picture comes when, and for how many beats. It goes to the end
    and back to where it began, and rests at both ends.
    """
    order = [*range(count), *range(count - 2, 0, -1)]
    return order, [REST if each in (0, count - 1) else 1 for each in order]


def to_gif(images: np.ndarray, milliseconds: int = BEAT) -> bytes:
    """uint8 [N, H, W, C] as an endless GIF that goes there and back, resting at both ends."""
    frames = [to_pil(image) if image.shape[-1] == 1 else to_pil(image[..., :3]) for image in images]
    order, beats = there_and_back(len(frames))
    first, *rest = (frames[each] for each in order)
    buffer = io.BytesIO()
    first.save(
        buffer, "GIF", save_all=True, append_images=rest, duration=[each * milliseconds for each in beats], loop=0
    )
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
    """An archive of PNGs by name, the same bytes every time. Stored, not deflated: a PNG does not shrink further."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in pngs.items():
            archive.writestr(files.zip_entry(name), content)
    return buffer.getvalue()

"""A picture at its own depth: 8 or 16 bits, grey or colour, its alpha beside it. From a file, and into a PNG.

Pillow reads 16 bits of grey as they are and of colour only the upper eight; and it writes no 16 bits of colour. Both
are mended here: the file is decoded twice, once for the upper and once for the lower bytes, by Pillow's own decoders;
and a PNG of 16 bits is written by hand, which takes a dozen lines.
"""

import io
import struct
import sys
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from hub.images import PIXEL_LIMIT, eight_bits, opened

OTHER_BYTE = {";16B": ";16L", ";16L": ";16B", ";16N": ";16B" if sys.byteorder == "little" else ";16L"}
"""Pillow keeps the upper byte of each of these. Told the wrong order of bytes, it keeps the lower one."""
COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}
"""Channels -> PNG's word for them."""
SIXTEEN_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
PROFILED = ("L", "LA", "RGB", "RGBA", "P", *SIXTEEN_GREY)
"""Modes whose colour profile still holds for what is read; that of CMYK does not."""


@dataclass(frozen=True)
class Picture:
    """A picture as somebody's file has it, upright."""

    pixels: np.ndarray
    """uint8 or uint16 [H, W, C], with C of 1 (grey) or 3 (RGB)."""
    alpha: np.ndarray | None = None
    """Of the same type, [H, W, 1]; ``None`` where the file has none."""
    profile: bytes | None = None
    """The ICC profile that says what its colours mean."""
    notes: tuple[str, ...] = ()
    """What of the file is not here, a sentence each."""

    @property
    def bits(self) -> int:
        return int(self.pixels.dtype.itemsize * 8)

    def eight_bits(self) -> np.ndarray:
        """The nearest of 256 levels, uint8 [H, W, C]."""
        return self.pixels if self.bits == 8 else _rounded(self.pixels)

    def changed(self, before: np.ndarray, after: np.ndarray) -> "Picture":
        """The picture with the change from ``before``, which is what :meth:`eight_bits` gives, to ``after``.

        A model of 8 bits says by how many of its levels a pixel should change. At 16 bits that change is added to all
        that the pixel had, 257 to a level: where the model changes nothing, nothing is lost, and slow gradients keep
        the steps between the levels. What is below a level is still what it was: no model has looked at it.
        """
        if self.bits == 8:
            return replace(self, pixels=after)
        change = (after.astype(np.int32) - before) * 257
        return replace(self, pixels=(self.pixels + change).clip(0, 65535).astype(np.uint16))

    def to_png(self) -> bytes:
        """A PNG of the same depth, with alpha and colour profile."""
        whole = self.pixels if self.alpha is None else np.concatenate([self.pixels, self.alpha], axis=2)
        if self.bits == 16:
            return _sixteen_bit_png(whole, self.profile)
        buffer = io.BytesIO()
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[whole.shape[2]]
        picture = Image.frombytes(mode, (whole.shape[1], whole.shape[0]), np.ascontiguousarray(whole).tobytes())
        picture.save(buffer, "PNG", icc_profile=self.profile)
        return buffer.getvalue()


def read(path: Path, limit: int = PIXEL_LIMIT) -> Picture:
    """The picture in a file: the first frame, upright, at its own depth. Floats and 32 bits are read as 8 bits.

    Raises:
        RequestError: no picture, a damaged one, or one with more than ``limit`` pixels.
    """
    with opened(path, limit) as file:
        frames = int(getattr(file, "n_frames", 1))
        notes = [f"The file holds {frames} pictures; this is the first."] if frames > 1 else []
        mode, deep = file.mode, _is_deep(file)
        whole = _upper_and_lower_bytes(file, path)
        if whole is None:
            file.load()
            whole = _decoded(ImageOps.exif_transpose(file))
            if mode in ("I", "F") or deep:
                notes.append("The file has more levels than a picture of 8 bits; it was read as one.")
        profile = file.info.get("icc_profile") if mode in PROFILED else None
    channels = whole.shape[2]
    pixels, alpha = (whole[..., :-1], whole[..., -1:]) if channels in (2, 4) else (whole, None)
    if whole.dtype == np.uint16 and whole.max() <= 255:  # eight bits in a file for sixteen, as ``hub.images`` has it
        pixels, alpha = pixels.astype(np.uint8), None if alpha is None else alpha.astype(np.uint8)
    return Picture(pixels, alpha, profile if isinstance(profile, bytes) else None, tuple(notes))


def _decoded(picture: Image.Image) -> np.ndarray:
    """[H, W, C] as uint16 for grey of 16 bits, else uint8; grey with alpha has two channels."""
    if picture.mode in SIXTEEN_GREY:
        return np.asarray(picture).astype(np.uint16)[..., None]
    if picture.mode == "LA":
        return np.asarray(picture)
    pixels = np.asarray(eight_bits(picture))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _is_deep(file: Image.Image) -> bool:
    """Whether Pillow leaves out the lower bytes of a file that it has not loaded yet."""
    return file.mode not in SIXTEEN_GREY and any(";16" in str(tile.args) for tile in getattr(file, "tile", []))


def _upper_and_lower_bytes(file: Image.Image, path: Path) -> np.ndarray | None:
    """uint16 [H, W, C] of a file with 16 bits for each of several channels; ``None`` for all others."""
    tiles = getattr(file, "tile", [])
    if not tiles or not all(_raw_mode(tile) for tile in tiles):
        return None
    with opened(path) as again:
        again.tile = [  # type: ignore[attr-defined]
            tile._replace(args=_swapped(tile.args))
            for tile in again.tile  # type: ignore[attr-defined]
        ]
        halves = [np.asarray(ImageOps.exif_transpose(half)).astype(np.uint16) for half in (file, again)]
    return halves[0] << 8 | halves[1]


def _raw_mode(tile: object) -> str | None:
    """How the decoder of ``tile`` finds its 16-bit channels in the file, where it is one of those."""
    args = getattr(tile, "args", None)
    mode = args if isinstance(args, str) else args[0] if isinstance(args, tuple | list) and args else ""
    known = isinstance(mode, str) and mode.partition(";")[0] in ("RGB", "RGBA") and mode[-4:] in OTHER_BYTE
    return str(mode) if known else None


def _swapped(args: str | tuple[object, ...]) -> str | tuple[object, ...]:
    if isinstance(args, str):
        return args[:-4] + OTHER_BYTE[args[-4:]]
    mode = str(args[0])
    return (mode[:-4] + OTHER_BYTE[mode[-4:]], *args[1:])


def _rounded(levels: np.ndarray) -> np.ndarray:
    """uint16 to the nearest uint8, 257 of the one to one of the other; in bands, since the sums need more bits."""
    rounded = np.empty(levels.shape, np.uint8)
    for at in range(0, len(levels), 256):
        rounded[at : at + 256] = (levels[at : at + 256].astype(np.uint32) + 128) // 257
    return rounded


def _sixteen_bit_png(whole: np.ndarray, profile: bytes | None) -> bytes:
    """uint16 [H, W, C] as a PNG (the W3C's recommendation, third edition); each row is the difference to that above."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    height, width, channels = whole.shape
    squeezed = zlib.compressobj(6)
    content = []
    above = np.zeros(width * channels * 2, np.uint8)
    for row in whole:
        here = np.ascontiguousarray(row.astype(">u2")).view(np.uint8).ravel()
        content.append(squeezed.compress(b"\2" + (here - above).tobytes()))
        above = here
    content.append(squeezed.flush())
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPE[channels], 0, 0, 0)
    named = chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile)) if profile else b""
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + named + chunk(b"IDAT", b"".join(content)) + chunk(b"IEND", b"")
    )

"""Small videos of the kinds that people upload, made by PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

CODECS = {"mp4": "libx264", "mov": "mjpeg", "matroska": "libx264", "webm": "libvpx-vp9", "avi": "mpeg4", "gif": "gif"}
PIXELS = {"mjpeg": "yuvj420p", "gif": "rgb8"}


def waves(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Coloured waves that travel, uint8 [count, height, width, 3]."""
    t, y, x, c = np.ogrid[:count, :height, :width, :3]
    levels: np.ndarray = 127.5 + 100 * np.sin(2 * np.pi * (x / width + y / height / 2) + 0.3 * t + 2 * c)
    return levels.round().astype(np.uint8)


def write_film(
    path: Path,
    frames: np.ndarray,
    *,
    kind: str = "mp4",
    fps: int = 10,
    times: Sequence[float] = (),
    sound: bool = False,
    turned: int = 0,
    stretch: Fraction | None = None,
) -> Path:
    """``frames``, uint8 [N, H, W, 3], as a video of the container ``kind``.

    ``times``: of each frame in seconds, where the pace is uneven; ``turned``: degrees that players turn it by, counter-
    clockwise; ``stretch``: how wide each pixel is for its height.
    """
    with av.open(str(path), "w", format=kind) as film:
        codec = CODECS[kind]
        stream: Any = film.add_stream(codec, rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.thread_count = 2  # by itself an encoder takes all cores, and the file differs from machine to machine
        stream.pix_fmt = PIXELS.get(codec, "yuv420p")
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000 if times else fps)
        if stretch:
            stream.codec_context.sample_aspect_ratio = stretch
        if turned:
            stream.set_display_rotation(turned)
        if sound:
            _add_sound(film)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=stream.pix_fmt)
            frame.pts = round(times[number] * 1000) if times else number
            frame.time_base = stream.codec_context.time_base
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return path


def _add_sound(film: Any) -> None:
    stream = film.add_stream("aac", rate=16_000, layout="mono")
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 16_000, 0
    film.mux(stream.encode(frame))
    film.mux(stream.encode())

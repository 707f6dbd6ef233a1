"""Moving pictures as MP4: H.264, which every browser, phone and chat plays, and in all the colours that a GIF has not.

The encoder is libx264, inside PyAV's wheels: an optional dependency, imported only when a film is made.
"""

import io
from fractions import Fraction
from importlib.util import find_spec

import numpy as np

from hub import images
from hub.errors import RequestError

SHOWN_AT_LEAST = 256
"""Pixels a side: smaller pictures are enlarged by whole steps, since players blur what they enlarge themselves."""
QUALITY = 14
"""x264's constant rate factor: at 18 and below people see no loss; flat pixels and hard edges want a little more."""
BT709 = 1
"""The number of that standard in the colour tags of H.264: without tags every player guesses its own colours."""


def can_encode() -> bool:
    """Whether this installation can make an MP4."""
    return find_spec("av") is not None


def walk_to_mp4(pictures: np.ndarray) -> bytes:
    """uint8 [N, H, W, C] there and back, resting at both ends, at the pace of ``images.to_gif``.

    Raises:
        RequestError: PyAV is not installed.
    """
    order, beats = images.there_and_back(len(pictures))
    return to_mp4(pictures[np.repeat(order, beats)], 1000 / images.BEAT)


def to_mp4(frames: np.ndarray, fps: float) -> bytes:
    """uint8 [N, H, W, C] as an MP4 of ``fps`` frames a second; alpha is dropped, as in a GIF.

    Sides come out even, as the format wants them: an odd one repeats its last row or column of pixels.

    Raises:
        RequestError: PyAV is not installed.
    """
    if not can_encode():
        raise RequestError("This hub makes no MP4: whoever runs it can install the extra 'video', which brings PyAV.")
    import av

    large = images.enlarge(frames, SHOWN_AT_LEAST)[..., :3]
    height, width = large.shape[1:3]
    large = np.pad(large, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        rate = Fraction(fps).limit_denominator(1000)
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(QUALITY), "preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *large.shape[1:3], "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.thread_count = 1  # the hub answers others meanwhile
        for pixels in large:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(images.to_rgb(pixels)), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=BT709)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()

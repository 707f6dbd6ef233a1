"""Films: every frame, at its time, in its colours; decoded again by the library that players are built on."""

import io
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from hub.images import enlarge
from hub.video import to_mp4, walk_to_mp4


def smooth(count: int, height: int, width: int, channels: int) -> np.ndarray:
    """Coloured waves that travel, uint8 [N, H, W, C]."""
    t, y, x, c = np.ogrid[:count, :height, :width, :channels]
    waves: np.ndarray = 127.5 + 110 * np.sin(2 * np.pi * (x / width + y / height / 2) + 0.7 * t + 2 * c)
    return waves.round().astype(np.uint8)


def decoded(film: bytes) -> tuple[np.ndarray, Fraction]:
    """uint8 [N, H, W, 3], and frames a second."""
    with av.open(io.BytesIO(film)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
        rate = stream.average_rate
    assert rate is not None
    return frames, rate


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_frame_comes_back_large_and_nearly_as_it_was(channels: int) -> None:
    frames = smooth(5, 32, 32, channels)
    seen, rate = decoded(to_mp4(frames, 12.5))
    wanted = enlarge(frames, 256)[..., :3]
    assert seen.shape == (5, 256, 256, 3) and rate == Fraction(25, 2)
    off = np.abs(seen.astype(int) - wanted)
    assert off.mean() < 3 and off.max() < 40


def test_odd_sides_become_even_and_large_pictures_stay_as_large_as_they_are() -> None:
    frames = smooth(2, 301, 259, 3)
    seen, _ = decoded(to_mp4(frames, 10))
    assert seen.shape == (2, 302, 260, 3)
    assert np.abs(seen[:, :301, :259].astype(int) - frames).mean() < 3


def test_a_walk_goes_there_and_back_and_rests_at_both_ends() -> None:
    frames = np.arange(40, 240, 50, dtype=np.uint8)[:, None, None, None].repeat(32, 1).repeat(32, 2)
    seen, rate = decoded(walk_to_mp4(frames))
    levels = seen[:, 128, 128, 0].astype(int)
    wanted = [40] * 6 + [90, 140] + [190] * 6 + [140, 90]
    assert rate == Fraction(25, 2) and np.abs(levels - wanted).max() <= 3


def test_a_picture_alone_is_a_film_too() -> None:
    assert decoded(walk_to_mp4(smooth(1, 8, 8, 1)))[0].shape == (6, 256, 256, 3)


WITHOUT = """
import sys
sys.modules["av"] = None  # as where the extra is not installed
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "av" else find(name, *rest)
import numpy as np
from hub import video
from hub.errors import RequestError
assert not video.can_encode()
try:
    video.to_mp4(np.zeros((1, 8, 8, 1), np.uint8), 10)
except RequestError as error:
    print(error)
"""


def test_without_pyav_it_is_one_sentence_that_names_the_extra() -> None:
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout
    assert "extra 'video'" in said and said.count("\n") == 1

"""Films: every frame, at its time, in its colours; decoded again by the library that players are built on. And clips
that people upload: whatever is no video, or means harm, is a sentence.
"""

import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from hub import video
from hub.errors import RequestError
from hub.images import enlarge
from hub.video import Clip, to_mp4, walk_to_mp4
from tests.hub.films import CODECS, waves, write_film
from tests.hub.sentence import sentence


def smooth(count: int, height: int, width: int, channels: int) -> np.ndarray:
    """Coloured waves that travel, uint8 [N, H, W, C]."""
    t, y, x, c = np.ogrid[:count, :height, :width, :channels]
    waves: np.ndarray = 127.5 + 110 * np.sin(2 * np.pi * (x / width + y / height / 2) + 0.7 * t + 2 * c)
    return waves.round().astype(np.uint8)


def decoded(film: bytes) -> tuple[np.ndarray, Fraction]:
    """uint8 [N, H, W, 3], and frames a second."""
    with av.open(io.BytesIO(film), mode="r") as container:
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


def read(path: Path, most: int = 100, longest: int = 1000) -> tuple[np.ndarray, Clip]:
    with Clip(path, most, longest) as clip:
        return np.stack(list(clip)), clip


@pytest.mark.parametrize("kind", CODECS)
def test_a_clip_of_every_container_gives_its_frames_at_its_pace(kind: str, tmp_path: Path) -> None:
    frames = waves(8)
    seen, clip = read(write_film(tmp_path / "it", frames, kind=kind))
    assert seen.shape == frames.shape and clip.fps == 10 and clip.expected == 8
    assert not (clip.was_cut or clip.is_damaged or clip.made_smaller or clip.has_sound)
    assert np.abs(seen.astype(int) - frames).mean() < (24 if kind == "gif" else 6)  # whose colours are 256


def test_a_long_and_large_clip_is_cut_and_made_smaller(tmp_path: Path) -> None:
    path = write_film(tmp_path / "it", waves(12, 90, 160), sound=True)
    seen, clip = read(path, most=5, longest=80)
    assert seen.shape == (5, 45, 80, 3) and clip.was_cut and clip.made_smaller and clip.has_sound
    assert clip.expected == 5
    assert np.abs(seen.astype(int) - waves(5, 45, 80)).mean() < 10
    assert not read(path, most=12)[1].was_cut


def test_an_uneven_pace_becomes_even_and_a_fast_one_slower(tmp_path: Path) -> None:
    frames = waves(4)
    seen, clip = read(write_film(tmp_path / "uneven", frames, times=[0, 0.1, 0.5, 0.6]))
    shown = [int(np.abs(frames.astype(int) - each).mean(axis=(1, 2, 3)).argmin()) for each in seen]
    assert clip.fps < 10 and len(seen) == round(0.6 * clip.fps) + 1
    assert shown == sorted(shown) and shown[0] == 0 and shown.count(1) > 1, "the second is shown longest"
    fast, clip = read(write_film(tmp_path / "fast", waves(24), fps=120))
    assert clip.fps == video.FASTEST and len(fast) in (6, 7)


@pytest.mark.parametrize("turned", [90, 180, -90])
def test_a_clip_of_a_phone_held_upright_is_upright(turned: int, tmp_path: Path) -> None:
    frames = waves(2)
    seen, _ = read(write_film(tmp_path / "it", frames, turned=turned))
    upright = np.rot90(frames, turned // 90, axes=(1, 2))
    assert seen.shape == upright.shape and np.abs(seen.astype(int) - upright).mean() < 6


def test_pixels_that_are_wider_than_high_become_square(tmp_path: Path) -> None:
    seen, clip = read(write_film(tmp_path / "it", waves(2), stretch=Fraction(3, 2)))
    assert seen.shape == (2, 48, 96, 3) and not clip.made_smaller


def test_what_follows_damage_is_left_out(tmp_path: Path) -> None:
    path = write_film(tmp_path / "it", waves(60), kind="avi")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    seen, _ = read(path)
    assert 10 < len(seen) < 60 and np.abs(seen[5].astype(int) - waves(6)[5]).mean() < 8


def test_a_still_that_is_shown_for_an_hour_is_cut(tmp_path: Path) -> None:
    seen, clip = read(write_film(tmp_path / "it", waves(2), times=[0, 3600]), most=9)
    assert len(seen) <= 9 and clip.was_cut == (len(seen) == 9)


def playlist(path: Path) -> None:
    write_film(path.with_name("secret"), waves(2))
    path.write_text(f"#EXTM3U\n#EXTINF:1,\n{path.with_name('secret')}\n#EXT-X-ENDLIST\n")


def list_of_files(path: Path) -> None:
    write_film(path.with_name("secret"), waves(2))
    path.write_text(f"ffconcat version 1.0\nfile {path.with_name('secret')}\n")


def huge(path: Path) -> None:
    write_film(path, np.zeros((1, 2512, 4000, 3), np.uint8), kind="mov")


def sound_alone(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as film:
        stream = film.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        film.mux(stream.encode(frame))
        film.mux(stream.encode())


def half(path: Path) -> None:
    path.write_bytes(write_film(path, waves(30)).read_bytes()[:400])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("not a video"), "not a video that can be read"),
        (lambda path: path.write_bytes(b""), "not a video that can be read"),
        (playlist, "not a video that can be read"),
        (list_of_files, "not a video that can be read"),
        (half, "not a video that can be read"),
        (huge, "at most 10 megapixels"),
        (sound_alone, "no pictures in this video"),
    ],
)
@pytest.mark.parametrize("name", ["it.mp4", "it.m3u8"])
def test_what_cannot_be_read_is_one_sentence(make: object, told: str, name: str, tmp_path: Path) -> None:
    make(tmp_path / name)  # type: ignore[operator]
    with pytest.raises(RequestError, match=told) as refused:
        read(tmp_path / name)
    sentence(refused.value)


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
for use in (lambda: video.to_mp4(np.zeros((1, 8, 8, 1), np.uint8), 10), lambda: video.Clip(None, 9, 9)):
    try:
        use()
    except RequestError as error:
        print(error)
"""


def test_without_pyav_both_are_one_sentence_that_names_the_extra() -> None:
    said = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True).stdout
    assert "extra 'video'" in said and said.count("\n") == 2

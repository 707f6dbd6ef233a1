"""Moving pictures: MP4 out, and whatever people upload in. PyAV's wheels bring FFmpeg, an optional dependency that is
imported only when it is needed.

Out it is H.264, which every browser, phone and chat plays, and in all the colours that a GIF has not. In it is a
stranger's file: FFmpeg may read that file and nothing else, only as a container of :data:`CONTAINERS`, in one thread,
frame by frame, and no frame larger than :data:`LARGEST`.
"""

import io
from collections.abc import Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hub import images
from hub.errors import RequestError

SHOWN_AT_LEAST = 256
"""Pixels a side: smaller pictures are enlarged by whole steps, since players blur what they enlarge themselves."""
QUALITY = 14
"""x264's constant rate factor: at 18 and below people see no loss; flat pixels and hard edges want a little more."""
BT709 = 1
"""The number of that standard in the colour tags of H.264: without tags every player guesses its own colours."""

CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif"
"""What FFmpeg may take a file for. Others (playlists, say) name further files, which it would open."""
LARGEST = 10_000_000
"""Pixels of a frame as it comes: more than 4K has, and little enough to hold a few of."""
FASTEST = 30
"""Frames a second that are kept."""
SLOWEST = 10
"""Frames at most that are read for each that is given: a file may hold a million that show for no time."""


def can_encode() -> bool:
    """Whether this installation can read and make videos."""
    return find_spec("av") is not None


def walk_to_mp4(pictures: np.ndarray) -> bytes:
    """uint8 [N, H, W, C] there and back, resting at both ends, at the pace of ``images.to_gif``.

    Raises:
        RequestError: PyAV is not installed.
    """
    order, beats = images.there_and_back(len(pictures))
    return to_mp4(pictures[np.repeat(order, beats)], 1000 / images.BEAT)


def to_mp4(frames: np.ndarray, fps: float) -> bytes:
    """uint8 [N, H, W, C] as an MP4 of ``fps`` frames a second, small ones enlarged; alpha is dropped, as in a GIF.

    Raises:
        RequestError: PyAV is not installed.
    """
    buffer = io.BytesIO()
    with Mp4(buffer, Fraction(fps).limit_denominator(1000)) as film:
        for pixels in images.enlarge(frames, SHOWN_AT_LEAST):
            film.add(pixels)
    return buffer.getvalue()


class Mp4:
    """An MP4 that grows frame by frame; all frames have the size of the first. Whole once the ``with`` block ends.

    Sides come out even, as the format wants them: an odd one repeats its last row or column of pixels.
    """

    def __init__(self, target: io.BytesIO | Path, fps: Fraction, quality: int = QUALITY) -> None:
        """Begin to write into ``target``, at ``fps`` frames a second and x264's constant rate factor ``quality``.

        Raises:
            RequestError: PyAV is not installed.
        """
        av = _av()
        self._container = av.open(target if isinstance(target, io.BytesIO) else str(target), "w", format="mp4")
        options = {"crf": str(quality), "preset": "veryfast"}
        self._stream = self._container.add_stream("libx264", rate=fps, options=options)
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.thread_count = 1  # the hub answers others meanwhile
        self._begun = False

    def add(self, pixels: np.ndarray) -> None:
        """One more frame, uint8 [H, W, C]."""
        av = _av()
        height, width = pixels.shape[:2]
        colours = images.to_rgb(pixels)[..., :3]
        even = np.pad(colours, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if not self._begun:
            self._stream.height, self._stream.width = even.shape[:2]
            self._begun = True
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        self._container.mux(self._stream.encode(frame.reformat(format="yuv420p", dst_colorspace=BT709)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode())
        self._container.close()


class Clip:
    """The beginning of a video file, to be gone through once: upright frames at an even pace, uint8 [H, W, 3] each.

    Frames are repeated or left out where the file's own pace is uneven, as that of phones is, or above ``FASTEST``.
    """

    def __init__(self, path: Path, most: int, longest: int) -> None:
        """Open the file at ``path``.

        Args:
            path: of any container of ``CONTAINERS``, with any codec that FFmpeg has.
            most: frames that are given at most.
            longest: pixels that the longer side of a frame is given at most; what is larger is made smaller.

        Raises:
            RequestError: PyAV is not installed; or it is no video, a damaged one, or one of too large frames.
        """
        av = _av()
        self.most = most
        self._file = path.open("rb")
        try:
            allowed = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
            self._container = av.open(self._file, "r", options=allowed)
            self._stream: Any = next(iter(self._container.streams.video), None)
            if self._stream is None or not self._stream.codec_context:
                raise RequestError("There are no pictures in this video; give another file.")
            self._look(longest)
        except RequestError:
            self._file.close()
            raise
        except Exception:  # FFmpeg's errors of all kinds, and Python's own from what wraps it
            self._file.close()
            raise RequestError(
                "This file is not a video that can be read; give an MP4, MOV, WebM, MKV, AVI or GIF."
            ) from None

    def _look(self, longest: int) -> None:
        stream = self._stream
        if not 0 < stream.width * stream.height <= LARGEST:
            raise RequestError(
                f"A frame of this video is too large: give one of at most {LARGEST // 10**6} megapixels."
            )
        stream.codec_context.options = {"max_pixels": str(LARGEST)}
        stream.thread_count = 1
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        self.fps = min(max(Fraction(rate), Fraction(1)), Fraction(FASTEST)).limit_denominator(1001)
        """Frames a second."""
        stretch = stream.sample_aspect_ratio or Fraction(1)
        if not Fraction(1, 4) < stretch < 4:
            stretch = Fraction(1)
        width, height = max(1, round(stream.width * stretch)), stream.height
        scale = min(1.0, longest / max(width, height))
        self._size = (max(1, round(width * scale)), max(1, round(height * scale)))
        self.made_smaller = scale < 1
        self.has_sound = bool(self._container.streams.audio)
        seconds = self._container.duration / 10**6 if self._container.duration else None
        self.expected = most = self.most
        """About so many frames will be given."""
        if seconds is not None:
            self.expected = max(1, min(most, round(seconds * self.fps)))
        self.was_cut = self.is_damaged = False
        """What is known once the frames have been gone through: whether there were more, and whether what followed
        could not be read."""

    def __iter__(self) -> Iterator[np.ndarray]:
        """The frames.

        Raises:
            RequestError: not even the first can be read.
        """
        last: np.ndarray | None = None
        given = 0
        for read, (place, frame) in enumerate(self._placed()):
            if read > SLOWEST * self.most:
                self.was_cut = True
                return
            if place < given:  # faster than what is kept
                continue
            while last is not None and given < min(place, self.most):
                given += 1
                yield last
            if given >= self.most:
                self.was_cut = True
                return
            last = self._upright(frame)
            given += 1
            yield last

    def _placed(self) -> Iterator[tuple[int, Any]]:
        """Each frame that can be read, and where it belongs at the pace that is kept."""
        begun: float | None = None
        number = 0
        frames = self._container.decode(self._stream)
        while True:
            try:
                frame = next(frames)
            except StopIteration:
                break
            except Exception:  # as above
                self.is_damaged = True
                break
            time = float(number / self.fps) if frame.pts is None or frame.time_base is None else frame.time
            begun = time if begun is None else begun
            yield round((time - begun) * self.fps), frame
            number += 1
        if number == 0:
            raise RequestError("This video is damaged and cannot be read; give another file.")

    def _upright(self, frame: Any) -> np.ndarray:
        width, height = self._size
        pixels: np.ndarray = frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()
        return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()
        self._file.close()


def _av() -> Any:
    """PyAV.

    Raises:
        RequestError: it is not installed.
    """
    if not can_encode():
        raise RequestError(
            "This hub knows no videos: whoever runs it can install the extra 'video', which brings PyAV."
        )
    import av

    return av

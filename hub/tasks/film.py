"""A short video through a restoring model, frame by frame, into an MP4.

Every frame goes through on its own, so what the model has to guess may flicker. Where it has a meter, that is read of
each and eased, as a camera's own exposure is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hub.depth import Picture
from hub.tasks.restore import Restorer
from hub.video import Clip, Mp4

MOST_FRAMES = 120
"""Frames of a video that are taken."""
LONGEST = 480
"""Pixels of the longer side that a frame is given at most: two busy CPU cores took 0.9 s for one of 480 x 270."""
EASE = 0.1
"""Share of the way to what is read of a frame that the level goes from frame to frame."""
QUALITY = 18
"""As :data:`hub.video.QUALITY`; noise costs an encoder dearly."""


@dataclass(frozen=True)
class Step:
    """How far it is: ``done`` of about ``expected`` frames."""

    done: int
    expected: int


@dataclass(frozen=True)
class Film:
    """What has become of a video."""

    width: int
    height: int
    fps: float
    frames: int
    notes: tuple[str, ...]
    """What there is to know, in sentences."""

    def report(self) -> dict[str, Any]:
        """In JSON's own types."""
        return {
            "width": self.width,
            "height": self.height,
            "fps": round(self.fps, 3),
            "frames": self.frames,
            "notes": list(self.notes),
        }


def restore_film(model: Restorer, path: Path, before: Path, after: Path) -> Iterator[Step | Film]:
    """Write the video ``path`` as the MP4 ``before``, as the model was given it, and restored as ``after``.

    Of a long one the first ``MOST_FRAMES`` frames, of a large one made smaller to ``LONGEST`` pixels. Work is done
    between one answer and the next: who asks for no more of them stops it. Sound is dropped.

    Yields:
        A :class:`Step` after each frame; at the end the :class:`Film`.

    Raises:
        RequestError: PyAV is not installed; or it is no video, a damaged one, or one of too large frames.
    """
    frames = 0
    told: dict[str, None] = {}  # in order, each once
    with (
        Clip(path, MOST_FRAMES, LONGEST) as clip,
        Mp4(before, clip.fps, QUALITY) as given,
        Mp4(after, clip.fps, QUALITY) as restored,
    ):
        last: np.ndarray | None = None
        level: float | None = None
        for pixels in clip:
            if pixels is not last:  # shown once more
                seen = model.accepted(Picture(_without_colour(pixels)))
                if model.has_meter:
                    read = model.metered(seen)
                    level = read if level is None else level + EASE * (read - level)
                made = model.restore(seen, level=level)
                told |= dict.fromkeys(made.notes)
                last = pixels
            given.add(seen.pixels)
            restored.add(made.pixels)
            frames += 1
            yield Step(frames, max(frames, clip.expected))
    height, width = made.pixels.shape[:2]
    yield Film(width, height, float(clip.fps), frames, (*_notes(clip, frames, width, height), *told))


def _without_colour(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3], or [H, W, 1] where it has no colours: a third of the work for a model of grey."""
    grey = pixels[..., :1]
    return grey if (pixels == grey).all() else pixels


def _notes(clip: Clip, frames: int, width: int, height: int) -> Iterator[str]:
    if clip.was_cut:
        yield f"It is longer: the first {frames / float(clip.fps):.1f} seconds were taken, {frames} frames."
    if clip.is_damaged:
        yield "It is damaged: what comes after these frames could not be read."
    if clip.made_smaller:
        yield f"It was made smaller first, to {width} x {height}."
    if clip.has_sound:
        yield "The sound was dropped."
    yield "Each frame was restored on its own, so what is left of the damage may flicker."

"""Restoring: a damaged picture in, a better one out, at its own depth; and how much better, where the truth is known.

A restoring model is a ``translate`` model whose bundle says what it ``restores``. It speaks 8 bits and its own number
of channels; what a picture has beyond that is seen to here:

* 16 bits: the model's correction is added to them (``hub.depth.Picture.changed``);
* colour, for a model of grey: red, green and blue go through it one by one;
* grey, for a model of colour: it goes through as three equal channels, and their mean comes back;
* alpha: stays as it is.

CT slices are grey, may come as DICOM (``hub.dicom``), and are never for diagnosis.

The classical baselines are scikit-image's, an optional dependency: without it there are none, and no SSIM.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import numpy as np

from hub import depth, dicom, images
from hub.depth import Picture
from hub.errors import BundleError, RequestError
from hub.images import PIXEL_LIMIT
from hub.tasks.damage import KINDS, Kind, to_linear, to_srgb
from hub.tasks.sample import MAX_SEED, is_number, whole
from hub.tasks.translate import Progress, TranslateModel

RESTORED = "Restored"
"""What the score of the model that was asked is called."""
MEASURED = 256
"""Pixels a side of the part, from the middle, that is measured: the baselines would take minutes for a photograph."""
MOST_EXPOSURE = 2.0
"""Stops that a brightened picture may be exposed longer or shorter by afterwards."""
SMALLEST = 11
"""Pixels a side of the window of SSIM: smaller pictures have none, and no baselines, which compare neighbourhoods."""


@dataclass(frozen=True)
class Score:
    """One picture beside the truth. Both are higher for the better; ``ssim`` is ``None`` where it is not to be had."""

    name: str
    note: str
    """What it is, or what its method was told."""
    picture: np.ndarray
    """The part that was measured, uint8 [H, W, C]."""
    psnr: float
    """dB; infinite for the truth itself."""
    ssim: float | None


class Restorer:
    """Restores pictures with ``model``."""

    def __init__(self, model: TranslateModel) -> None:
        """Wrap ``model``.

        Raises:
            BundleError: it says of nothing that it restores it.
        """
        bundle = model.bundle
        if bundle.restores is None:
            raise BundleError(f"'{bundle.id}' turns pictures into others; it restores none.")
        self.model, self.bundle, self.damage = model, bundle, bundle.restores
        self.kind: Kind = KINDS[bundle.restores.kind]

    def accepted(self, picture: Picture) -> Picture:
        """``picture`` as the model can take it: as it is, or fitted to the one size that the model has; slices grey."""
        spec = self.bundle.image
        if self.kind.tone:
            picture = _as_slice(picture, spec.height)
        if spec.dynamic or picture.pixels.shape[:2] == (spec.height, spec.width):
            return picture
        channels = picture.pixels.shape[2]
        resized = images.fit(
            images.to_pil(picture.eight_bits()), spec.model_copy(update={"channels": channels}), "keep"
        )
        note = f"The model has one size: the picture was fitted to {spec.width} x {spec.height}."
        return Picture(resized, None, picture.profile, (*picture.notes, note))

    def takes(self, pixels: np.ndarray) -> bool:
        """Whether uint8 [H, W, C] go through the model as they are: in its size and channels."""
        spec = self.bundle.image
        return pixels.shape[2] == spec.channels and (spec.dynamic or pixels.shape[:2] == (spec.height, spec.width))

    def level(self, level: object) -> float | None:
        """``level`` that :meth:`restore` can be told: a number of what there is to restore, ``None``: not known.

        Raises:
            RequestError: out of range, of the wrong kind, or of a model that cannot be told.
        """
        if level is None:
            return None
        self.model.require_told()
        highest = self.damage.highest
        if not is_number(level) or not 0 <= level <= highest:
            raise RequestError(f"What the model is told must be a number from 0 to {highest:g}, not {level!r:.40}.")
        return float(level)

    def suggested(self, picture: Picture) -> float:
        """About how much of the damage there is, for who begins to tell the model: in steps of its kind."""
        guess, step = self.kind.start, self.kind.finest or self.kind.step
        if self.has_meter:
            guess = self.metered(self.accepted(picture))
        elif self.kind.estimated and min(picture.pixels.shape[:2]) > 2:
            guess = self.kind.estimated(_middle(picture.eight_bits()))
        return min(round(round(guess / step) * step, 3), self.damage.highest)

    @property
    def has_meter(self) -> bool:
        """Whether the model says what it finds out of a picture."""
        return self.model.has_meter

    def metered(self, picture: Picture) -> float:
        """What a model with a meter finds out of ``picture``, which :meth:`accepted` has passed: a level to tell it."""
        pixels, ours = picture.eight_bits(), self.bundle.image.channels
        if pixels.shape[2] != ours:
            grey = pixels.mean(axis=2, keepdims=True, dtype=np.float32).round().astype(np.uint8)
            pixels = grey.repeat(ours, axis=2)
        return min(max(float(self.model.read_level(pixels)[0]), 0.0), self.damage.highest)

    def restore(self, picture: Picture, progress: Progress | None = None, level: object = None) -> Picture:
        """``picture``, which :meth:`accepted` has passed, restored; ``level``: how much of the damage it has, for a
        model that can be told.

        Raises:
            RequestError: it is too large for this model; or as :meth:`level`.
        """
        told = self.level(level)
        before = picture.eight_bits()
        ours, theirs = self.bundle.image.channels, before.shape[2]
        notes = list(picture.notes)
        if ours == theirs:
            after = self.model.translate(before, progress=progress, level=told)
        elif ours == 1:
            each = np.ascontiguousarray(np.moveaxis(before, 2, 0)[..., None])
            after = np.moveaxis(self.model.translate(each, progress=progress, level=told)[..., 0], 0, 2)
            notes.append("The model is one for grey pictures: red, green and blue were restored each on its own.")
        else:
            three = self.model.translate(before.repeat(3, axis=2), progress=progress, level=told)
            after = three.mean(axis=2, keepdims=True, dtype=np.float32).round().astype(np.uint8)
        if picture.bits == 16:
            notes.append("The model sees 8 of the 16 bits; its correction was added to all of them.")
        return replace(picture.changed(before, after), notes=tuple(notes))

    def exposure(self, stops: object) -> float:
        """``stops`` that :meth:`exposed` can expose by.

        Raises:
            RequestError: out of range or of the wrong kind, or other than 0 for a model that brightens nothing.
        """
        if not is_number(stops) or not abs(stops) <= MOST_EXPOSURE:
            raise RequestError(
                f"The exposure afterwards must be a number from {-MOST_EXPOSURE:g} to {MOST_EXPOSURE:g} stops, "
                f"not {stops!r:.40}."
            )
        if stops and not self.kind.brightens:
            raise RequestError(f"'{self.bundle.id}' brightens nothing, so there is no exposure to correct.")
        return float(stops)

    def exposed(self, picture: Picture, stops: object) -> Picture:
        """The restored ``picture`` exposed longer by so many ``stops``, or shorter by so many below 0.

        How bright a picture was meant to be is a guess of the model. Its light is multiplied here, at its own depth;
        what is white already was cut off before, and does not come back where light is taken away.

        Raises:
            RequestError: as :meth:`exposure`.
        """
        factor = 2.0 ** self.exposure(stops)
        if factor == 1:
            return picture
        most = 2**picture.bits - 1
        light = to_linear(np.arange(most + 1) / most) * factor
        levels = np.rint(to_srgb(light.clip(0, 1)) * most).astype(picture.pixels.dtype)
        return replace(picture, pixels=levels[picture.pixels])

    def damaged(self, picture: Picture, level: object, seed: object = 0) -> Picture:
        """``picture`` damaged to ``level``, at random by ``seed``, as the model was taught; 0 leaves it as it is.

        That is at 8 bits, whatever the picture has.

        Raises:
            RequestError: a level or a seed out of range, or of the wrong kind.
        """
        highest = self.damage.highest
        if not is_number(level) or not 0 <= level <= highest:
            raise RequestError(f"{self.kind.called} must be a number from 0 to {highest:g}, not {level!r:.40}.")
        random = np.random.RandomState(whole("The seed", seed, 0, MAX_SEED))
        clean, largest = picture.eight_bits(), self.kind.whole
        if largest and level and max(clean.shape[:2]) > largest:
            raise RequestError(f"To be damaged first it may be {largest} pixels a side at most; give a smaller one.")
        made = np.array(clean)
        # In bands, where the damage allows it: noise takes eight times the picture's memory.
        rows = len(clean) if largest else 256
        for at in range(0, len(clean) if level else 0, rows):
            made[at : at + rows] = self.kind.apply(clean[at : at + rows], float(level), random)
        return replace(picture, pixels=made, alpha=_eight(picture.alpha))


def _as_slice(picture: Picture, side: int) -> Picture:
    """Grey, with what is to be said of every slice; ``side``: pixels of those that the model learned from."""
    notes = [note for note in picture.notes if note != dicom.NOTICE]
    if picture.pixels.shape[2] == 3:
        grey = picture.pixels.mean(axis=2, keepdims=True, dtype=np.float32).round().astype(picture.pixels.dtype)
        if (picture.pixels != grey).any():
            notes.append("Slices are grey: its colours were left out.")
        picture = replace(picture, pixels=grey, profile=None)
    if max(picture.pixels.shape[:2]) >= 2 * side:
        notes.append(f"The model learned from slices of {side} x {side} pixels; on finer ones nobody has measured it.")
    return replace(picture, notes=(*notes, dicom.NOTICE))


def read(path: Path, limit: int = PIXEL_LIMIT, kind: Kind | None = None) -> Picture:
    """The picture in a file, for a model that undoes ``kind``: at its own depth, or of DICOM the slice.

    Raises:
        RequestError: no picture, a damaged one, or one with more than ``limit`` pixels.
    """
    return dicom.read(path, limit, kind.tone if kind else None) if dicom.is_dicom(path) else depth.read(path, limit)


def _eight(alpha: np.ndarray | None) -> np.ndarray | None:
    return None if alpha is None else Picture(alpha).eight_bits()


def scores(truth: Picture, damaged: Picture, restored: Picture, kind: Kind, told: float | None = None) -> list[Score]:
    """The damaged picture and the restored one beside the truth, measured on its middle. ``told``: the level that the
    model was told.
    """
    clean, before, ours = (_middle(each.eight_bits()) for each in (truth, damaged, restored))
    note = "this model" if told is None else f"this model, told {told:g}"
    made = (("Damaged", "what went in", before), (RESTORED, note, ours))
    return [_score(name, note, picture, clean, kind) for name, note, picture in made]


def peers(
    truth: Picture, damaged: Picture, kind: Kind, level: float, others: Mapping[str, Restorer] = MappingProxyType({})
) -> list[Score]:
    """What other models and classical baselines make of the damaged picture, measured as :func:`scores` does. It may
    take several times as long as the model itself.

    ``level``: of the damage, which baselines may be told; models are not. ``others``: models by name, of which those
    are compared that take this part as it is.
    """
    clean, before = (_middle(each.eight_bits()) for each in (truth, damaged))
    made = [
        (name, "another model here", other.restore(Picture(before)).pixels)
        for name, other in others.items()
        if other.takes(before)
    ]
    if find_spec("skimage") is not None and min(clean.shape[:2]) >= SMALLEST:
        made += [(name, told, baseline(before, level)) for name, (baseline, told) in kind.baselines.items()]
    return [_score(name, note, picture, clean, kind) for name, note, picture in made]


def rescored(known: Sequence[Score], truth: Picture, restored: Picture, kind: Kind) -> list[Score]:
    """The scores ``known``, where what the model made has become ``restored`` since."""
    ours, clean = _middle(restored.eight_bits()), _middle(truth.eight_bits())
    return [_score(each.name, each.note, ours, clean, kind) if each.name == RESTORED else each for each in known]


def _score(name: str, note: str, picture: np.ndarray, clean: np.ndarray, kind: Kind) -> Score:
    seen, truth = kind.compared(picture), kind.compared(clean)
    return Score(name, note, picture, psnr(seen, truth), ssim(seen, truth))


def _middle(pixels: np.ndarray) -> np.ndarray:
    top, left = (max(0, (side - MEASURED) // 2) for side in pixels.shape[:2])
    return pixels[top : top + MEASURED, left : left + MEASURED]


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of uint8 [H, W, C] against ``truth``; infinite where they are equal."""
    error = float(np.square(image.astype(np.float64) - truth).mean())
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))


def ssim(image: np.ndarray, truth: np.ndarray) -> float | None:
    """Structural similarity of uint8 [H, W, C] (Wang et al., 2004, with their window), the mean of channels."""
    if min(truth.shape[:2]) < SMALLEST:
        return None
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        return None
    found = structural_similarity(
        image, truth, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return float(found)

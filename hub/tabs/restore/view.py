"""How the tab shows things: pictures large enough to see, and small enough to send; the numbers under the pictures."""

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from hub import images
from hub.contract import Damage
from hub.depth import Picture
from hub.tabs.restore.work import Outcome
from hub.tasks.damage import Kind
from hub.tasks.restore import RESTORED, Score

SHOWN_AT_LEAST, SHOWN_AT_MOST = 512, 2048
"""Pixels of the shorter and of the longer side on the page. The download has the picture as it is."""
CROP = 96
"""Pixels a side of the details under the slider."""


def shown(picture: Picture) -> np.ndarray:
    """For the page, uint8 [H, W, 3]: small pictures enlarged in whole steps, large ones made smaller."""
    pixels = images.to_rgb(picture.eight_bits())
    longest = max(pixels.shape[:2])
    if longest > SHOWN_AT_MOST:
        scale = SHOWN_AT_MOST / longest
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    at_least = min(SHOWN_AT_LEAST, SHOWN_AT_MOST * min(pixels.shape[:2]) // longest)
    enlarged: np.ndarray = images.enlarge(pixels[None], max(1, at_least))[0]
    return enlarged


def learned(damage: Damage) -> str:
    """What to add to the slider's explanation: the strengths that a model has learned, where 0 is not one of them."""
    if not damage.lowest:
        return ""
    strengths = (
        f"{damage.lowest:g} to {damage.highest:g}" if damage.lowest < damage.highest else f"{damage.highest:g} alone"
    )
    return f". The model has learned {strengths}"


def comparison(scores: Sequence[Score], kind: Kind, size: tuple[int, ...]) -> str:
    """The same detail of every picture, with its numbers under it, the best of them marked.

    ``size``: height and width of the whole pictures.
    """
    if not scores:
        return ""
    best_psnr = max(each.psnr for each in scores)
    best_ssim = max((each.ssim or 0) for each in scores)
    place = _busiest(kind.compared(next(each.picture for each in scores if each.name == RESTORED)))
    figures = []
    for each in scores:
        psnr = f"{each.psnr:.2f} dB" if np.isfinite(each.psnr) else "no error"
        numbers = f"<span>{_number(psnr, each.psnr == best_psnr)}</span>"
        if each.ssim is not None:
            numbers += f" <span>SSIM {_number(f'{each.ssim:.3f}', each.ssim == best_ssim)}</span>"
        detail = images.to_data_uri(images.to_png(each.picture[place]))
        name = escape(each.name)
        figures.append(
            f'<figure><img src="{detail}" alt="{name}: a detail"><figcaption><b>{name}</b> '
            f"<small>{escape(each.note)}</small><br>{numbers}</figcaption></figure>"
        )
    measures = "PSNR" if all(each.ssim is None for each in scores) else "PSNR and SSIM"
    height, width, _ = scores[0].picture.shape
    part = f", on the middle {width} x {height} pixels" if (height, width) != size else ""
    return (
        f'<section class="comparison"><div>{"".join(figures)}</div>'
        f"<p>{measures} against the picture before the damage{part}{kind.compared_as}; higher is better. Models "
        "find out by themselves how much of it there is, unless it says otherwise.</p></section>"
    )


def _number(text: str, best: bool) -> str:
    return f"<strong>{text}</strong>" if best else text


def _busiest(pixels: np.ndarray) -> tuple[slice, slice]:
    """Where the square with the most edges lies, CROP pixels a side or as many as there are."""
    height, width = (min(CROP, side) for side in pixels.shape[:2])
    grey = pixels.mean(axis=2)
    edges = np.hypot(*np.gradient(grey)) if min(grey.shape) > 1 else grey
    before = np.pad(edges.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))  # sums over all above and left of a place
    sums = before[height:, width:] - before[:-height, width:] - before[height:, :-width] + before[:-height, :-width]
    top, left = np.unravel_index(sums.argmax(), sums.shape)
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)


def about(outcome: Outcome, kind: Kind) -> str:
    """What has been done, a line, and what there is to know about it."""
    picture = outcome.after
    height, width = picture.pixels.shape[:2]
    done = f"{width} x {height}, {picture.bits} bits" + (f", {kind.done(outcome.damage)}" if outcome.damage else "")
    if outcome.level is not None:
        done += f", the model told {outcome.level:g}"
    elif outcome.found is not None:
        done += f", {kind.found(outcome.found)}"
    if outcome.exposure:
        done += f", exposed {outcome.exposure:+g} stops afterwards"
    notes = "".join(f"<li>{escape(note)}</li>" for note in picture.notes)
    return f'<div class="restored-about" role="status"><p>{done}</p>{f"<ul>{notes}</ul>" if notes else ""}</div>'

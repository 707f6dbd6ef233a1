"""How the tab shows things: pictures side by side, enlarged in whole steps, and what there is to say under each."""

from collections.abc import Sequence
from html import escape

import numpy as np
from PIL import Image

from hub import images
from hub.tabs.translate.work import Outcome
from hub.tasks.batch import Done
from hub.tasks.cycle import Gap

SHOWN_AT_LEAST, SHOWN_AT_MOST = 384, 1024
"""Pixels of the shorter and of the longer side on the page. The download has the picture as it is."""


def figures(outcome: Outcome, with_seen: bool = True) -> str:
    """The pictures in a row: what went in, what came out, what it should be, and what comes back."""
    height, width = outcome.made.shape[:2]
    what, becomes = (f"{side}, " for side in outcome.sides) if outcome.sides else ("", "")
    shown = [_figure("In", outcome.seen, f"{what}as the model sees it, {width} x {height}")] if with_seen else []
    shown.append(
        _figure("Out", outcome.made, f"{becomes}as the model makes it" if becomes else "what the model makes of it")
    )
    if outcome.wanted is not None and outcome.miss is not None:
        shown.append(_figure("What it should be", outcome.wanted, in_words(outcome.miss, "from what came out")))
    if outcome.cycle is not None:
        shown.append(_figure("Back again", outcome.cycle.back, in_words(outcome.cycle.gap, "from what went in")))
    return f'<div class="translated" style="--pictures: {len(shown)}">{"".join(shown)}</div>'


def hint(text: str) -> str:
    """What to do where there is nothing to see yet."""
    return f'<p class="translate-hint">{escape(text)}</p>'


def in_words(gap: Gap, where: str) -> str:
    """How far apart two pictures are."""
    if gap.error == 0:
        return f"no difference {where}"
    return f"{gap.error:.1f} grey levels {where}, {gap.psnr:.1f} dB"


def _figure(name: str, pixels: np.ndarray, said: str) -> str:
    return (
        f'<figure><img src="{images.to_data_uri(images.to_png(_shown(pixels)))}" alt="{escape(name)}">'
        f"<figcaption><b>{escape(name)}</b> <small>{escape(said)}</small></figcaption></figure>"
    )


def _shown(pixels: np.ndarray) -> np.ndarray:
    longest, shortest = max(pixels.shape[:2]), min(pixels.shape[:2])
    if longest > SHOWN_AT_MOST:
        scale = SHOWN_AT_MOST / longest
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        small = np.asarray(images.to_pil(pixels).resize(size, Image.Resampling.LANCZOS))
        return small.reshape(*small.shape[:2], pixels.shape[2])
    at_least = min(SHOWN_AT_LEAST, SHOWN_AT_MOST * shortest // longest)
    enlarged: np.ndarray = images.enlarge(pixels[None], max(1, at_least))[0]
    return enlarged


def batch(made: Sequence[Done]) -> str:
    """How many there are, and what is wrong with those that are not."""
    good = sum(bool(done.file) for done in made)
    bad = "".join(f"<li><b>{escape(done.name)}</b> {escape(done.problem)}</li>" for done in made if done.problem)
    said = f"{good} of {len(made)} pictures translated." if bad else f"{good} pictures translated."
    if len(made) == 1:
        said = "1 picture translated."
    return f'<div class="translate-batch" role="status"><p>{said}</p>{f"<ul>{bad}</ul>" if bad else ""}</div>'

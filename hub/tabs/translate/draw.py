"""Draw: paper and a pen, and beside them what the model makes of the drawing, painted again while one draws.

The pad is a canvas of our own (``pad.html``, ``pad.js``): 6 kB, where Gradio's ``ImageEditor`` is 280 kB and WebGL,
heavy on phones. It tells of a stroke while that grows, in one request and with no file on the server. What is drawn
lies on paper already in the browser, so there is no alpha to lay on anything.
"""

from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import gradio as gr

from hub import images
from hub.tabs.answers import LIVE, answers
from hub.tabs.curtain import curtain
from hub.tabs.translate.stage import Stage
from hub.tabs.translate.view import figures, hint
from hub.tabs.translate.work import is_inverse, stem, translate
from hub.tasks.pairs import are_coloured, ground, pairs
from hub.tasks.translate import TranslateModel

HERE = Path(__file__).parent
PAD_HTML, PAD_JS = ((HERE / name).read_text(encoding="utf-8") for name in ("pad.html", "pad.js"))

LONGEST = 512
"""Pixels of the longer side of the canvas, which phones can still draw on smoothly."""
THICKNESS = 3
"""Of the pen at first, in percent of the width: about what outlines of emoji, icons and sketches have."""
BLANK = "Draw something, or begin with an example below the paper."


@dataclass(frozen=True)
class Paper:
    """What the pad in the browser is told. Colours are CSS's."""

    model: str
    inverse: bool
    width: int
    height: int
    paper: str
    ink: str
    coloured: bool
    """Whether the pen's colour can be chosen: where the model's own pictures have colours."""
    thickness: int
    starts: list[str]
    """Examples to begin with, as data URIs."""


def paper(model: TranslateModel, inverse: bool) -> Paper:
    """The paper for one direction of ``model``: of its proportions, on the ground of its examples."""
    spec, examples = model.bundle.image, pairs(model, inverse)
    scale = max(1, LONGEST // max(spec.width, spec.height))
    dark = ground(examples) == 0
    return Paper(
        model=model.bundle.id,
        inverse=inverse,
        width=min(LONGEST, spec.width * scale),
        height=min(LONGEST, spec.height * scale),
        paper="#000000" if dark else "#ffffff",
        ink="#ffffff" if dark else "#000000",
        coloured=spec.channels >= 3 and are_coloured(examples),
        thickness=THICKNESS,
        starts=[images.to_data_uri(pair.given.read_bytes()) for pair in examples],
    )


def build(stage: Stage) -> gr.HTML:
    """Draw the section; returns its curtain."""
    with gr.Row(elem_classes="draw-row"):
        with gr.Column(min_width=260):
            pad = gr.HTML(html_template=PAD_HTML, js_on_load=PAD_JS, elem_id="translate-pad", settings={})
        with gr.Column(min_width=260):
            painted = gr.HTML(hint(BLANK), elem_id="drawn")
    opened = curtain()

    @answers
    def prepare(model: str, direction: str) -> object:
        chosen = stage.translator(model)
        return gr.update(settings=asdict(paper(chosen, is_inverse(chosen, direction))))

    @answers
    def paint(model: str, direction: str, drawing: object) -> str:
        if not drawing:
            return hint(BLANK)
        chosen = stage.translator(model)
        inverse = is_inverse(chosen, direction)
        # As the paper is, whatever else the model takes: a drawing must not jump about while it grows.
        given = chosen.fitted(images.from_data_uri(drawing), own_size=False)
        outcome = translate(chosen, given, inverse)
        file = images.to_data_uri(images.to_png(outcome.made))
        # A link that holds the picture, not a file on the server: there would be ten of them a second.
        link = (
            f'<a class="translate-save" download="{escape(stem(model))}-drawing.png" href="{file}">Download (PNG)</a>'
        )
        return figures(outcome, with_seen=False) + link

    opened.select(prepare, stage.chosen, pad, **LIVE)
    pad.input(paint, [*stage.chosen, pad], painted, **LIVE)
    return opened

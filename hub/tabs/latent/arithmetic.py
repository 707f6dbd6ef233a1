"""Arithmetic: A - B + C. What A has and B has not, given to C."""

import gradio as gr

from hub.tabs.answers import answers
from hub.tabs.latent.point import PointPicker, Value, figure, place
from hub.tabs.latent.stage import Section, Stage, img
from hub.tasks.latent import Label

TERMS = (("A", "", 3), ("B", "−", 0), ("C", "+", 2))
"""Name, sign before it, and the example or seed that it begins with."""


def build(stage: Stage) -> Section:
    """Draw the section's components and tie them together."""
    points = []
    with gr.Row(elem_classes="sum"):
        for name, sign, first in TERMS:
            if sign:
                gr.HTML(sign, elem_classes="sign")
            points.append(PointPicker(stage, name, first))
        gr.HTML("=", elem_classes="sign")
        result = gr.HTML(elem_id="arithmetic-result", elem_classes="preview result")

    @answers
    def draw(a: Value | None, b: Value | None, c: Value | None, label: Label) -> object:
        if not a or not b or not c or not a["model"] == b["model"] == c["model"]:  # between two models
            return gr.skip()
        space = stage.space(a["model"])
        _, picture = space.arithmetic(place(a), place(b), place(c), label)
        total = figure(img(picture, "A - B + C"), "A − B + C")
        return (*(point.show(space, value, label) for point, value in zip(points, (a, b, c), strict=True)), total)

    section = Section(
        points=points,
        draw=draw,
        inputs=[*(point.value for point in points), stage.label],
        outputs=[*(point.preview for point in points), result],
    )
    section.after(*(event for point in points for event in point.picked))
    return section

"""Traverse: one dimension at a time. A slider for each of the most active, and beside it what it would do."""

import gradio as gr
import numpy as np

from hub.tabs.answers import answers
from hub.tabs.latent.point import PointPicker, Value, figure, place
from hub.tabs.latent.stage import Section, Stage, film, img
from hub.tasks.latent import MOST_ACTIVE, Label, LatentSpace

STEPS, SPAN = 9, 3.0
"""Pictures in a row, and standard deviations to either side."""


def build(stage: Stage) -> Section:
    """Draw the section's components and tie them together."""
    sliders: list[gr.Slider] = []
    strips: list[gr.HTML] = []
    with gr.Row(elem_classes="workbench upright"):
        with gr.Column(scale=2, min_width=300, elem_classes="controls"):
            picture = gr.HTML(elem_id="traverse-picture", elem_classes="moving")
            start = PointPicker(stage, "Start", 0)
            back = gr.Button("Back to the start", size="sm", elem_id="traverse-back")
        with gr.Column(scale=5, min_width=320, elem_classes="pictures traverse"):
            for _ in range(MOST_ACTIVE):
                with gr.Row(elem_classes="dimension"):
                    sliders.append(
                        gr.Slider(
                            -SPAN, SPAN, value=0, step=0.05, scale=1, min_width=150, buttons=[], label="Dimension"
                        )
                    )
                    strips.append(gr.HTML(elem_classes="strip", scale=3, min_width=220))

    @answers
    def draw(value: Value | None, label: Label) -> object:
        """All of it, from a new start: the sliders stand where the start lies."""
        if not value:
            return gr.skip()
        space = stage.space(value["model"])
        z = space.locate(place(value))
        dimensions = space.most_active()
        offsets = space.offsets(z, dimensions)
        moved: list[object] = [
            gr.update(value=round(float(np.clip(offset, -SPAN, SPAN)), 2), label=f"Dimension {each}", visible=True)
            for each, offset in zip(dimensions, offsets, strict=True)
        ]
        moved += [gr.update(visible=False)] * (MOST_ACTIVE - len(dimensions))
        return (
            start.show(space, value, label),
            _picture(space, z, label),
            *moved,
            *_rows(space, z, offsets, label),
        )

    @answers
    def move(value: Value | None, label: Label, *offsets: float) -> object:
        """One picture, while a slider moves."""
        if not value:
            return gr.skip()
        space = stage.space(value["model"])
        return _picture(space, _at(space, value, offsets), label)

    @answers
    def settle(value: Value | None, label: Label, *offsets: float) -> object:
        """The rows around where the sliders have come to rest."""
        if not value:
            return gr.skip()
        space = stage.space(value["model"])
        return tuple(_rows(space, _at(space, value, offsets), offsets, label))

    section = Section(
        points=[start],
        draw=draw,
        inputs=[start.value, stage.label],
        outputs=[start.preview, picture, *sliders, *strips],
    )
    section.after(*start.picked)
    stage.live([stage.label.input, back.click], draw, section.inputs, section.outputs)
    asked = [start.value, stage.label, *sliders]
    stage.live([slider.input for slider in sliders], move, asked, picture)
    stage.live([slider.release for slider in sliders], settle, asked, strips)
    return section


def _picture(space: LatentSpace, z: np.ndarray, label: Label) -> str:
    return figure(img(space.decode(z, label), "The picture at the sliders"), "at the sliders")


def _at(space: LatentSpace, value: Value, offsets: tuple[float, ...]) -> np.ndarray:
    dimensions = space.most_active()
    return space.moved(space.locate(place(value)), dimensions, offsets[: len(dimensions)])


def _rows(space: LatentSpace, z: np.ndarray, offsets: list[float] | tuple[float, ...], label: Label) -> list[str]:
    """A strip of film for each slider, with the picture nearest to it marked; empty where there is no slider."""
    made = space.traverse(z, space.most_active(), STEPS, SPAN, label)
    strips = [
        film(row, f"Dimension {dimension}, step", here=int(np.abs(made.offsets - offset).argmin()))
        for dimension, row, offset in zip(made.dimensions, made.images, offsets, strict=False)
    ]
    return strips + [""] * (MOST_ACTIVE - len(strips))

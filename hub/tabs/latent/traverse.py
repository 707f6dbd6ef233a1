"""Traverse and Attributes: one axis at a time. A slider for each, and beside it what it would do.

The same section twice: over the dimensions that change the picture most, and over the attribute directions that came
with the bundle.
"""

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
import numpy as np

from hub.tabs.answers import answers
from hub.tabs.latent.point import PointPicker, Value, figure, place
from hub.tabs.latent.stage import Section, Stage, film, img
from hub.tasks.latent import Axis, Label, LatentSpace

STEPS = 9
"""Pictures in a row."""


@dataclass(frozen=True)
class Axes:
    """Along what a section moves."""

    name: str
    """Begins the ids of its elements."""
    of: Callable[[LatentSpace], list[Axis]]
    span: float
    """How far to either side the sliders go."""
    rows: int
    """Sliders at most."""
    first: int = 0
    """The example, or the seed, to begin with."""

    def moving(self, space: LatentSpace) -> list[Axis]:
        """Those that get a slider."""
        return self.of(space)[: self.rows]


def build(stage: Stage, axes: Axes) -> Section:
    """Draw the section's components and tie them together."""
    sliders: list[gr.Slider] = []
    strips: list[gr.HTML] = []
    with gr.Row(elem_classes="workbench upright"):
        with gr.Column(scale=2, min_width=300, elem_classes="controls"):
            picture = gr.HTML(elem_id=f"{axes.name}-picture", elem_classes="moving")
            start = PointPicker(stage, "Start", axes.first)
            back = gr.Button("Back to the start", size="sm", elem_id=f"{axes.name}-back")
        with gr.Column(scale=5, min_width=320, elem_classes="pictures traverse"):
            for _ in range(axes.rows):
                with gr.Row(elem_classes="dimension"):
                    sliders.append(
                        gr.Slider(
                            -axes.span,
                            axes.span,
                            value=0,
                            step=0.05,
                            scale=1,
                            min_width=150,
                            buttons=[],
                            label="Dimension",
                        )
                    )
                    strips.append(gr.HTML(elem_classes="strip", scale=3, min_width=220))

    @answers
    def draw(value: Value | None, label: Label) -> object:
        """All of it, from a new start: the sliders stand where the start lies."""
        if not value:
            return gr.skip()
        space = stage.space(value["model"])
        z, moving = space.locate(place(value)), axes.moving(space)
        offsets = space.offsets(z, moving)
        moved: list[object] = [
            gr.update(value=round(float(np.clip(offset, -axes.span, axes.span)), 2), label=_title(each), visible=True)
            for each, offset in zip(moving, offsets, strict=True)
        ]
        moved += [gr.update(visible=False)] * (axes.rows - len(moving))
        return (
            start.show(space, value, label),
            _picture(space, z, label),
            *moved,
            *rows(space, value, offsets, label),
        )

    @answers
    def move(value: Value | None, label: Label, *offsets: float) -> object:
        """One picture, while a slider moves."""
        if not value:
            return gr.skip()
        space = stage.space(value["model"])
        moving = axes.moving(space)
        return _picture(space, space.moved(space.locate(place(value)), moving, offsets[: len(moving)]), label)

    @answers
    def settle(value: Value | None, label: Label, *offsets: float) -> object:
        """The rows around where the sliders have come to rest."""
        if not value:
            return gr.skip()
        space = stage.space(value["model"])
        return tuple(rows(space, value, list(offsets[: len(axes.moving(space))]), label))

    def rows(space: LatentSpace, value: Value, offsets: list[float], label: Label) -> list[str]:
        """A strip of film for each slider, with the picture nearest to it marked; empty where there is no slider."""
        moving = axes.moving(space)
        if not moving:
            return [""] * axes.rows
        made = space.traverse(place(value), moving, STEPS, axes.span, label, at=offsets)
        strips = [
            film(row, f"{_title(axis)}, step", here=int(np.abs(made.offsets - offset).argmin()))
            for axis, row, offset in zip(made.dimensions, made.images, offsets, strict=True)
        ]
        return strips + [""] * (axes.rows - len(strips))

    section = Section(
        points=[start],
        draw=draw,
        inputs=[start.value, stage.label],
        outputs=[start.preview, picture, *sliders, *strips],
    )
    section.after(*start.picked)
    stage.live(back.click, draw, section.inputs, section.outputs)
    asked = [start.value, stage.label, *sliders]
    stage.live([slider.input for slider in sliders], move, asked, picture)
    stage.live([slider.release for slider in sliders], settle, asked, strips)
    return section


def _title(axis: Axis) -> str:
    return axis if isinstance(axis, str) else f"Dimension {axis}"


def _picture(space: LatentSpace, z: np.ndarray, label: Label) -> str:
    return figure(img(space.decode(z, label), "The picture at the sliders"), "at the sliders")

"""Map: the whole plane of a two-dimensional model at once. A click decodes that very place."""

import gradio as gr
import numpy as np

from hub import images
from hub.tabs.answers import answers
from hub.tabs.latent.point import figure
from hub.tabs.latent.stage import Section, Stage, img
from hub.tasks.latent import Label

SIDE = 15
CLICK = """element.addEventListener('click', event => {
  const map = element.querySelector('img')
  if (event.target !== map) return
  const box = map.getBoundingClientRect()
  const share = (at, from, length) => Math.min(0.999, Math.max(0.001, (at - from) / length))
  const right = share(event.clientX, box.left, box.width), down = share(event.clientY, box.top, box.height)
  element.style.setProperty('--right', right); element.style.setProperty('--down', down)
  element.classList.add('marked')
  trigger('select', {right, down})
})"""


def build(stage: Stage) -> Section:
    """Draw the section's components and tie them together."""
    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=2, min_width=300, elem_classes="controls"):
            picture = gr.HTML(elem_id="map-picture", elem_classes="moving")
            gr.HTML(
                "<p>Each picture stands in the middle of an equally likely part of the prior. "
                "Click anywhere on the map to decode that place.</p>",
                elem_classes="facts",
            )
        with gr.Column(scale=5, min_width=320, elem_classes="pictures"):
            plane = gr.HTML(elem_id="map", elem_classes="map", js_on_load=CLICK)

    @answers
    def draw(model: str, label: Label) -> object:
        if (space := stage.space(model)).dim != 2:
            return "", ""
        tiles = space.map(SIDE, label)
        sheet = images.grid(tiles.reshape(-1, *tiles.shape[2:]), SIDE, gap=0)
        return img(sheet, "The map of the latent plane"), at(model, 0.5, 0.5, label)

    @answers
    def visit(model: str, label: Label, event: gr.EventData) -> str:
        return at(model, event.right, event.down, label)

    def at(model: str, right: float, down: float, label: Label) -> str:
        space = stage.space(model)
        z = space.quantile(np.array([right]), np.array([down]))[0]
        where = f"z = ({z[0]:.2f}, {z[1]:.2f})"
        return figure(img(space.decode(z, label), where), where)

    section = Section(points=[], draw=draw, inputs=[stage.model, stage.label], outputs=[plane, picture])
    stage.live(plane.select, visit, section.inputs, picture)
    return section

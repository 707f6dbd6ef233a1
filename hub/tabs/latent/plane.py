"""Map: the whole plane of a two-dimensional model at once, and where encoded pictures of the data lie on it.

A click decodes that very place.
"""

from html import escape

import gradio as gr
import numpy as np

from hub import images
from hub.tabs.answers import answers
from hub.tabs.latent.point import figure
from hub.tabs.latent.stage import Section, Stage, img
from hub.tasks.latent import Label
from hub.tasks.points import Placed, placed

SIDE = 15
COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
"""Ten that people who see colours differently tell apart too (Matthew Petroff, "Accessible color sequences", 2021)."""
FINE = 1000
"""Steps a side in which points are placed: finer than the pixels of any screen's map."""
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
            legend = gr.HTML(elem_id="map-legend", elem_classes="legend")

    @answers
    def draw(model: str, label: Label) -> object:
        if (space := stage.space(model)).dim != 2:
            return "", "", ""
        tiles = space.map(SIDE, label)
        sheet = images.grid(tiles.reshape(-1, *tiles.shape[2:]), SIDE, gap=0)
        points = placed(space.model.model)
        picture = img(sheet, "The map of the latent plane") + (dots(points) if points else "")
        return picture, at(model, 0.5, 0.5, label), key(points) if points else ""

    @answers
    def visit(model: str, label: Label, event: gr.EventData) -> str:
        return at(model, event.right, event.down, label)

    def at(model: str, right: float, down: float, label: Label) -> str:
        space = stage.space(model)
        z = space.quantile(np.array([right]), np.array([down]))[0]
        where = f"z = ({z[0]:.2f}, {z[1]:.2f})"
        return figure(img(space.decode(z, label), where), where)

    section = Section(points=[], draw=draw, inputs=[stage.model, stage.label], outputs=[plane, picture, legend])
    stage.live(plane.select, visit, section.inputs, picture)
    return section


def dots(points: Placed) -> str:
    """The points as one drawing to lay over the map: a path a class, so that thousands of them are a few kilobytes."""
    columns, rows = (np.rint(shares * FINE).astype(int) for shares in (points.right, points.down))
    paths = []
    for number in range(len(points.classes)):
        at = np.flatnonzero(points.label == number)
        way = "".join(f"M{columns[each]} {rows[each]}h0" for each in at)
        paths.append(f'<path d="{way}" stroke="{_colour(number)}"/>' if way else "")
    return f'<svg viewBox="0 0 {FINE} {FINE}" class="points-on-map" aria-hidden="true">{"".join(paths)}</svg>'


def key(points: Placed) -> str:
    """What the colours mean, and a box that hides the points; the page does that without asking the server."""
    names = "".join(
        f'<li><i style="background: {_colour(number)}"></i>{escape(name)}</li>'
        for number, name in enumerate(points.classes)
    )
    return f'<label><input type="checkbox" checked> Show {escape(points.shows)}, encoded</label><ul>{names}</ul>'


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]

"""The Latent tab: what lies between and behind the pictures. One file a section.

API names: ``/encode``, ``/decode``, ``/interpolate``, ``/traverse``, ``/arithmetic``, ``/holes`` (``api.py``).
"""

from functools import partial

import gradio as gr

from hub.runtime.engine import Engine
from hub.tabs.answers import answers
from hub.tabs.choices import bundles, keep_up, samples, titles
from hub.tabs.curtain import curtain
from hub.tabs.latent import api, arithmetic, holes, plane, traverse, walk
from hub.tabs.latent.stage import Stage, stirred
from hub.tasks.latent import MOST_ACTIVE, LatentSpace

MOST_DIRECTIONS = 8
"""Of a model that is added later, at least so many attributes have a slider."""


def build(engine: Engine) -> gr.Blocks:
    """The tab for the ``sample`` models of ``engine``, which has at least one."""
    models = bundles(engine, samples)
    first = next(iter(models.values()))

    tab: gr.Blocks
    with gr.Blocks() as tab:
        with gr.Row(elem_classes="latent-model"):
            model = gr.Dropdown(
                titles(engine, samples),
                value=first.id,
                label="Model",
                interactive=len(models) > 1,
                elem_id="latent-model",
            )
            label = gr.Dropdown(label="Class", visible=False, elem_id="latent-class")
        opened = curtain()
        keep_up(opened, engine, samples, model)
        stage = Stage(engine, model, label)
        with gr.Tabs(elem_classes="sections"):
            with gr.Tab("Walk"):
                sections = [walk.build(stage)]
            with gr.Tab("Traverse"):
                moved = traverse.Axes("traverse", LatentSpace.most_active, span=3, rows=MOST_ACTIVE)
                sections.append(traverse.build(stage, moved))
            # What not every model has appears with the first that has it: Gradio 6.31 never takes away a tab that the
            # page began with.
            most = max(MOST_DIRECTIONS, *(len(bundle.directions) for bundle in models.values()))
            with gr.Tab("Attributes", visible=False) as attributes_tab:
                given = traverse.Axes("attributes", LatentSpace.directions, span=2, rows=most)
                sections.append(traverse.build(stage, given))
            with gr.Tab("Arithmetic"):
                sections.append(arithmetic.build(stage))
            with gr.Tab("Map", visible=False) as map_tab:
                sections.append(plane.build(stage))

            if holes.pairs(models):
                with gr.Tab("Holes", elem_id="holes-tab"):
                    holes.build(stage, models)

        points = [point for section in sections for point in section.points]

        @answers
        def meet(model: str) -> list[object]:
            """Every point starts afresh with ``model``."""
            space = stage.space(model)
            names = space.model.bundle.labels if space.conditional else ()
            shown: list[object] = [
                gr.update(choices=list(names), value=names[0] if names else None, visible=bool(names)),
                gr.update(visible=space.dim == 2),
                gr.update(visible=bool(space.directions())),
            ]
            for point in points:
                shown += point.start(space)
            return [*shown, *stirred(sections)]

        curtains = [section.curtain for section in sections]
        parts = [each for point in points for each in point.parts]
        stage.live([opened.select, model.input], meet, model, [label, map_tab, attributes_tab, *parts, *curtains])
        stage.live(label.input, partial(stirred, sections), None, curtains)
        api.build(stage)
    return tab

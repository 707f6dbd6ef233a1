"""The Translate tab: one picture in, another out. One file a section.

API names: ``/translate``, ``/translate_batch`` (``api.py``). Shown where a model translates and does not restore.
"""

import gradio as gr

from hub.contract import Bundle
from hub.runtime.engine import Engine
from hub.tabs.answers import QUIETLY, answers
from hub.tabs.choices import bundles, keep_up, titles, translates
from hub.tabs.curtain import curtain, stir
from hub.tabs.facts import facts
from hub.tabs.translate import api, camera, draw, many, picture
from hub.tabs.translate.stage import Stage
from hub.tabs.translate.work import translator


def build(engine: Engine) -> gr.Blocks:
    """The tab for the translating models of ``engine``, which has at least one."""
    models = bundles(engine, translates)
    first = next(iter(models.values()))

    tab: gr.Blocks
    with gr.Blocks() as tab, gr.Row(elem_classes="workbench translate"):
        with gr.Column(scale=2, min_width=260, elem_classes="controls"):
            model = gr.Dropdown(
                titles(engine, translates),
                value=first.id,
                label="Model",
                interactive=len(models) > 1,
                elem_id="translate-model",
            )
            direction = gr.Radio(
                directions(first),
                value="forward",
                label="Direction",
                info="It goes both ways, so every picture is brought back, too",
                visible="inverse" in first.graphs,
                elem_id="translate-direction",
            )
            size = gr.Radio(
                _sizes(first.image.width, first.image.height),
                value=_size(first.reach is not None),
                label="Size of the picture",
                visible=first.image.dynamic,
                elem_id="translate-size",
            )
            described = gr.HTML(facts(first, folded=True), elem_id="translate-facts")
        with gr.Column(scale=5, min_width=300, elem_classes="pictures"):
            stage = Stage(engine, model, direction, size)
            with gr.Tabs(elem_classes="sections"):
                with gr.Tab("Picture"):
                    curtains = [picture.build(stage)]
                with gr.Tab("Draw"):
                    curtains.append(draw.build(stage))
                with gr.Tab("Camera"):
                    camera.build(stage)
                with gr.Tab("Batch"):
                    many.build(stage)

        @answers
        def meet(model: str) -> list[object]:
            """Everything that depends on the model."""
            met = translator(engine, model)
            image = met.bundle.image
            return [
                gr.update(choices=directions(met.bundle), visible=met.two_way, value="forward"),
                gr.update(
                    choices=_sizes(image.width, image.height), value=_size(met.looks_locally), visible=image.dynamic
                ),
                facts(met.bundle, folded=True),
                *(stir() for _ in curtains),
            ]

        keep_up(curtain(), engine, translates, model)
        model.input(meet, model, [direction, size, described, *curtains], **QUIETLY)
        direction.input(lambda: [stir() for _ in curtains], None, curtains, **QUIETLY)
        api.build(stage)
    return tab


def directions(bundle: Bundle) -> list[tuple[str, str]]:
    """What the switch says of both directions, in the bundle's own words where it has some."""
    one, other = bundle.sides or ("A", "B")
    both = ((f"{one} to {other}", "forward"), (f"{other} to {one}", "inverse"))
    return [(said[0].upper() + said[1:], name) for said, name in both]


def _sizes(width: int, height: int) -> list[tuple[str, str]]:
    return [(f"{width} x {height}, as it was trained", "trained"), ("As it is", "own")]


def _size(looks_locally: bool) -> str:
    return "own" if looks_locally else "trained"

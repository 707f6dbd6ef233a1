"""Holes: the same walk in two models side by side, and how sure a classifier is of every picture on the way."""

from html import escape

import gradio as gr
import numpy as np

from hub import images
from hub.contract import Bundle
from hub.runtime.engine import Engine
from hub.tabs.answers import answers
from hub.tabs.latent.point import PointPicker, Value
from hub.tabs.latent.stage import Section, Stage, img, stirred
from hub.tasks import speak
from hub.tasks.holes import DEFAULT_STEPS, JudgedWalk, judged_walk, judges, partners, pick_judge, walks
from hub.tasks.latent import Path
from hub.tasks.sample import SampleModel


def pairs(models: dict[str, Bundle]) -> dict[str, list[str]]:
    """Each model that can be walked in, with the models that may stand beside it: empty without a judge for them. The
    models that bring a judge come first, since the holes were put there to be seen.
    """
    sizes = [bundle.image for bundle in models.values() if judges(bundle)]
    able = sorted((b for b in models.values() if walks(b) and b.image in sizes), key=lambda b: not judges(b))
    found = {bundle.id: [other.id for other in partners(bundle, able)] for bundle in able}
    return {name: beside for name, beside in found.items() if beside}


def side_by_side(
    engine: Engine, model: str, beside: str, start: np.ndarray, end: np.ndarray, count: int, path: Path
) -> tuple[JudgedWalk, JudgedWalk]:
    """The walk between two pictures, uint8 [H, W, C], in ``model`` and in ``beside``.

    Raises:
        HubError: a model is unknown, takes other pictures or none, or nobody judges them.
    """
    both = [speak(engine.model(name), SampleModel) for name in (model, beside)]
    judge = pick_judge(both, _samplers(engine))
    first, second = (judged_walk(each, judge, start, end, count, path) for each in both)
    return first, second


def _samplers(engine: Engine) -> list[SampleModel]:
    return [speak(model, SampleModel) for model in engine.models.values() if model.bundle.task == "sample"]


def build(stage: Stage, models: dict[str, Bundle], tab: gr.Blocks) -> None:
    """Draw the section's components and tie them together. ``models`` has at least one pair."""
    chosen = pairs(models)
    first = next(iter(chosen))

    def titled(names: list[str]) -> list[tuple[str, str]]:
        return [(models[name].title, name) for name in names]

    with gr.Row(elem_classes="latent-pair"):
        model = gr.Dropdown(titled(list(chosen)), value=first, label="Model", elem_id="holes-model")
        beside = gr.Dropdown(titled(chosen[first]), value=chosen[first][0], label="Beside it", elem_id="holes-beside")
    own = Stage(stage.engine, model, stage.label)  # the section compares models of its own choice
    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=2, min_width=300, elem_classes="controls"):
            with gr.Row(elem_classes="points"):
                # The first two examples: of two classes wherever the data has some.
                start, end = PointPicker(own, "From", 0, seeds=False), PointPicker(own, "To", 1, seeds=False)
            count = gr.Slider(5, 24, value=DEFAULT_STEPS, step=1, label="Steps", elem_id="holes-steps", buttons=[])
            path = gr.Radio(
                [("Straight line (lerp)", "lerp"), ("Great circle (slerp)", "slerp")],
                value="lerp",
                label="Path",
                elem_id="holes-path",
            )
        with gr.Column(scale=5, min_width=320, elem_classes="pictures"):
            walked = gr.HTML(elem_id="holes-walks", elem_classes="holes")

    @answers
    def draw(one: Value | None, other: Value | None, beside: str, count: int, path: Path) -> object:
        if not one or not other or one["model"] != other["model"]:  # between two models
            return gr.skip()
        space = own.space(one["model"])
        seen = [_seen(value, space.model.bundle) for value in (one, other)]
        made = side_by_side(stage.engine, one["model"], beside, seen[0], seen[1], count, path)
        titles = [models[walk.model].title for walk in made]
        strips = "".join(map(strip, made, titles))
        previews = (start.show(space, one, None), end.show(space, other, None))
        return (*previews, f'<p class="said">{escape(in_words(made, titles))}</p><div class="judged">{strips}</div>')

    @answers
    def meet(model: str) -> list[object]:
        space = own.space(model)
        offered = chosen[model]
        points = (*start.start(space), *end.start(space))
        return [gr.update(choices=titled(offered), value=offered[0]), *points, *stirred([section])]

    section = Section(
        points=[start, end],
        draw=draw,
        inputs=[start.value, end.value, beside, count, path],
        outputs=[start.preview, end.preview, walked],
    )
    stage.live([tab.load, model.input], meet, model, [beside, *start.parts, *end.parts, section.curtain])
    section.after(*start.picked, *end.picked)
    stage.live([beside.input, count.release, path.input], draw, section.inputs, section.outputs)


def _seen(value: Value, bundle: Bundle) -> np.ndarray:
    """The picture of a point, as the models see it; the browser kept it, and may hand back anything."""
    return images.fit(images.from_data_uri(value.get("seen")), bundle.image, "keep")


def strip(walk: JudgedWalk, title: str) -> str:
    """The pictures of a walk, under each a bar as high as the judge is sure, and the class it sees."""
    frames = "".join(
        f'<figure class="{"worst" if number == walk.worst else ""}">'
        f"{img(image, f'Step {number + 1} of {len(walk.images)}')}{_bar(sure)}"
        f"<figcaption><b>{sure:.0%}</b> {escape(named)}</figcaption></figure>"
        for number, (image, sure, named) in enumerate(zip(walk.images, walk.confidence, walk.named, strict=True))
    )
    return (
        f'<section aria-label="{escape(title)}"><h3>{escape(title)}</h3>'
        f'<div class="frames" style="--frames: {len(walk.images)}">{frames}</div></section>'
    )


def _bar(sure: float) -> str:
    return (
        '<svg viewBox="0 0 10 10" preserveAspectRatio="none" aria-hidden="true"><rect class="full" width="10" '
        f'height="10"/><rect y="{10 - 10 * sure:.2f}" width="10" height="{10 * sure:.2f}"/></svg>'
    )


def in_words(made: tuple[JudgedWalk, JudgedWalk], titles: list[str]) -> str:
    """What is to be seen, in two sentences."""
    parts = [
        f"{title} is at its worst at step {walk.worst + 1} of {len(walk.images)}, where the classifier is "
        f"{walk.confidence[walk.worst]:.0%} sure of {walk.named[walk.worst]}"
        for walk, title in zip(made, titles, strict=True)
    ]
    one, other = (float(walk.confidence.mean()) for walk in made)
    if abs(one - other) < 0.02:
        verdict = f"Along the whole way it is as sure of both: {one:.0%} and {other:.0%}"
    else:
        surer = titles[0] if one > other else titles[1]
        means = f"{max(one, other):.0%} on average against {min(one, other):.0%}"
        verdict = f"Along the whole way it is surer of {surer}: {means}"
    return (
        f"{parts[0]}; {parts[1]}. {verdict}. A low bar is a picture of nothing in particular, or one between two "
        "classes."
    )

"""Holes: two models side by side, and how sure a classifier is of every picture that they make where none was.

Between two pictures (the same walk in both), and from noise (the same numbers in both).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import gradio as gr
import numpy as np

from hub import images
from hub.contract import Bundle
from hub.runtime.engine import Engine
from hub.tabs.answers import LIVE, answers
from hub.tabs.curtain import curtain
from hub.tabs.dice import dice, roll
from hub.tabs.latent.point import PointPicker, Value
from hub.tabs.latent.stage import Section, Stage, img, stirred
from hub.tasks import speak
from hub.tasks.holes import DEFAULT_STEPS, Judged, judged_noise, judged_walk, judges, partners, pick_judge, walks
from hub.tasks.latent import Path
from hub.tasks.sample import MAX_SEED, SampleModel


@dataclass(frozen=True)
class Side:
    """One of the two models: its walk, what its decoder makes of plain noise, and of noise that went through the prior,
    where it has one.
    """

    walk: Judged
    plain: Judged
    prior: Judged | None


def pairs(models: dict[str, Bundle]) -> dict[str, list[str]]:
    """Each model that can be walked in, with the models that may stand beside it: empty without a judge for them. The
    models that bring a judge come first, since the holes were put there to be seen.
    """
    sizes = [bundle.image for bundle in models.values() if judges(bundle)]
    able = sorted((b for b in models.values() if walks(b) and b.image in sizes), key=lambda b: not judges(b))
    found = {bundle.id: [other.id for other in partners(bundle, able)] for bundle in able}
    return {name: beside for name, beside in found.items() if beside}


def side_by_side(
    engine: Engine,
    model: str,
    beside: str,
    start: np.ndarray,
    end: np.ndarray,
    count: int,
    path: Path,
    seed: int = 0,
) -> tuple[Side, Side]:
    """The walk between two pictures, uint8 [H, W, C], in ``model`` and in ``beside``, and ``count`` pictures of noise.

    Raises:
        HubError: a model is unknown, takes other pictures or none, or nobody judges them; or an argument is refused by
            :mod:`hub.tasks.holes`.
    """
    both = [speak(engine.model(name), SampleModel) for name in (model, beside)]
    judge = pick_judge(both, _samplers(engine))

    def side(of: SampleModel) -> Side:
        walk = judged_walk(of, judge, start, end, count, path)
        plain = judged_noise(of, judge, count, seed)
        has_prior = "prior" in of.bundle.graphs
        return Side(walk, plain, judged_noise(of, judge, count, seed, through_prior=True) if has_prior else None)

    return side(both[0]), side(both[1])


def _samplers(engine: Engine) -> list[SampleModel]:
    return [speak(model, SampleModel) for model in engine.models.values() if model.bundle.task == "sample"]


def build(stage: Stage, models: dict[str, Bundle]) -> None:
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
            with gr.Row(elem_classes="seed"):
                seed = gr.Number(
                    0,
                    label="Seed of the noise",
                    precision=0,
                    minimum=0,
                    maximum=MAX_SEED,
                    min_width=60,
                    elem_id="holes-seed",
                )
                another = dice("holes-dice")
        with gr.Column(scale=5, min_width=320, elem_classes="pictures"):
            walked = gr.HTML(elem_id="holes-walks", elem_classes="holes")

    @answers
    def draw(one: Value | None, other: Value | None, beside: str, count: int, path: Path, seed: int | None) -> object:
        if not one or not other or one["model"] != other["model"] or seed is None:  # between two models, or two seeds
            return gr.skip()
        space = own.space(one["model"])
        seen = [_seen(value, space.model.bundle) for value in (one, other)]
        made = side_by_side(stage.engine, one["model"], beside, seen[0], seen[1], count, path, seed)
        return (start.show(space, one, None), end.show(space, other, None), page(made, models))

    @answers
    def meet(model: str) -> list[object]:
        space = own.space(model)
        offered = chosen[model]
        points = (*start.start(space), *end.start(space))
        return [gr.update(choices=titled(offered), value=offered[0]), *points, *stirred([section])]

    section = Section(
        points=[start, end],
        draw=draw,
        inputs=[start.value, end.value, beside, count, path, seed],
        outputs=[start.preview, end.preview, walked],
    )
    stage.live([curtain().select, model.input], meet, model, [beside, *start.parts, *end.parts, section.curtain])
    section.after(*start.picked, *end.picked)
    redraw = [beside.input, count.release, path.input, seed.input, seed.submit]
    stage.live(redraw, draw, section.inputs, section.outputs)
    stage.live(another.click, roll, None, seed).success(draw, section.inputs, section.outputs, **LIVE)


def _seen(value: Value, bundle: Bundle) -> np.ndarray:
    """The picture of a point, as the models see it; the browser kept it, and may hand back anything."""
    return images.fit(images.from_data_uri(value.get("seen")), bundle.image, "keep")


def page(made: tuple[Side, Side], models: dict[str, Bundle]) -> str:
    """All of it as HTML, with what is to be seen in words."""
    bundles = [models[side.walk.model] for side in made]
    titles, lengths = [bundle.title for bundle in bundles], [bundle.latent_dim or 0 for bundle in bundles]
    walked = "".join(strip(side.walk, title, "Step") for side, title in zip(made, titles, strict=True))
    drawn = "".join(strip(row, title, "Picture") for title, row in noise_rows(made, titles))
    return (
        f'<p class="said">{escape(what_it_is(lengths))}</p>'
        f'<h3>On the way from one picture to the other</h3><p class="said">{escape(in_words(made, titles))}</p>'
        f'<div class="judged" id="holes-walked">{walked}</div>'
        f'<h3>New pictures, from random numbers</h3><p class="said">{escape(noise_in_words(made, titles, lengths))}</p>'
        f'<div class="judged" id="holes-noise">{drawn}</div>'
    )


def what_it_is(lengths: Sequence[int]) -> str:
    """What there is to know first; ``lengths`` of both models' latents."""
    count = f"{lengths[0]}" if lengths[0] == lengths[1] else f"{lengths[0]} and {lengths[1]}"
    return (
        f"Both models turn a picture into a list of {count} numbers, its latent, and such a list back into a picture. "
        "Lists that stand for no picture are holes. Under every picture is how sure a classifier is of what it shows: "
        "a low bar is a picture of nothing in particular, or one between two classes."
    )


def noise_rows(made: tuple[Side, Side], titles: list[str]) -> list[tuple[str, Judged]]:
    """The rows of noise with what is above each: both models as they are, and then those that have a prior with it."""
    plain = [
        (f"{title}, without its prior" if side.prior else title, side.plain)
        for side, title in zip(made, titles, strict=True)
    ]
    prior = [(f"{title}, with its prior", side.prior) for side, title in zip(made, titles, strict=True) if side.prior]
    return plain + prior


def strip(judged: Judged, title: str, each: str) -> str:
    """Pictures, under each a bar as high as the judge is sure, and the class it sees. ``each``: what one is called."""
    frames = "".join(
        f'<figure class="{"worst" if number == judged.worst else ""}">'
        f"{img(image, f'{each} {number + 1} of {len(judged.images)}')}{_bar(sure)}"
        f"<figcaption><b>{sure:.0%}</b> {escape(named)}</figcaption></figure>"
        for number, (image, sure, named) in enumerate(zip(judged.images, judged.confidence, judged.named, strict=True))
    )
    return (
        f'<section aria-label="{escape(title)}"><h4>{escape(title)}</h4>'
        f'<div class="frames" style="--frames: {len(judged.images)}">{frames}</div></section>'
    )


def _bar(sure: float) -> str:
    return (
        '<svg viewBox="0 0 10 10" preserveAspectRatio="none" aria-hidden="true"><rect class="full" width="10" '
        f'height="10"/><rect y="{10 - 10 * sure:.2f}" width="10" height="{10 * sure:.2f}"/></svg>'
    )


def in_words(made: tuple[Side, Side], titles: list[str]) -> str:
    """What is to be seen of the walks, in a few sentences."""
    both = [side.walk for side in made]
    parts = [
        f"{title} is at its worst at step {walk.worst + 1} of {len(walk.images)}, where the classifier is "
        f"{walk.confidence[walk.worst]:.0%} sure of {walk.named[walk.worst]}"
        for walk, title in zip(both, titles, strict=True)
    ]
    one, other = (walk.mean for walk in both)
    if abs(one - other) < 0.02:
        verdict = f"Along the whole way it is as sure of both: {one:.0%} and {other:.0%}"
    else:
        surer = titles[0] if one > other else titles[1]
        means = f"{max(one, other):.0%} on average against {min(one, other):.0%}"
        verdict = f"Along the whole way it is surer of {surer}: {means}"
    return f"{parts[0]}; {parts[1]}. {verdict}."


def noise_in_words(made: tuple[Side, Side], titles: Sequence[str], lengths: Sequence[int]) -> str:
    """What is to be seen of the pictures of noise, in a few sentences."""
    same = "the same ones for both" if lengths[0] == lengths[1] else "as many as each model takes"
    plain = " and ".join(
        f"{side.plain.mean:.0%} sure of what {title} makes of them" for side, title in zip(made, titles, strict=True)
    )
    known = [
        f"{title} has learned where the numbers of pictures lie, its prior: the same noise sent through that comes to "
        f"{side.prior.mean:.0%}."
        for side, title in zip(made, titles, strict=True)
        if side.prior
    ]
    guess = [
        f"{title} has no prior: nothing in it says which numbers stand for a picture."
        for side, title in zip(made, titles, strict=True)
        if not side.prior
    ]
    return " ".join(
        [
            f"A new picture needs new numbers. Here chance draws them (standard normal noise), {same}. On average the "
            f"classifier is {plain}.",
            *known,
            *guess,
        ]
    )

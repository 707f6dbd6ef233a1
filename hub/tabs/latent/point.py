"""A place in latent space that somebody picks: a seed, one of the bundle's examples, or a picture of their own."""

import random
from html import escape
from typing import Any

import gradio as gr
import numpy as np

from hub import images
from hub.tabs.answers import answers
from hub.tabs.latent.stage import Stage, examples, fitted, img
from hub.tasks.latent import Label, LatentSpace
from hub.tasks.sample import MAX_SEED

Value = dict[str, Any]
"""``model`` and ``seed``, or ``model``, ``z``, ``seen`` (the picture as the model sees it) and ``caption``. It names its
model, so that a section never mixes two while they change over."""

CHOOSE = """element.addEventListener('click', event => {
  const chosen = event.target.closest('button')
  if (chosen) trigger('select', {index: Number(chosen.dataset.index)})
})"""


class PointPicker:
    """Its components, drawn where it is made, and ``value``, a state that changes whenever a point is picked."""

    def __init__(self, stage: Stage, name: str, first: int) -> None:
        """``first`` numbers the example to begin with, or the seed where there are no examples."""
        self.first = first
        self.value = gr.State(None)
        with gr.Column(elem_classes="point", min_width=120):
            self.preview = gr.HTML(elem_classes="preview")
            with gr.Row(elem_classes="seed"):
                self.seed = gr.Number(
                    first, label=f"{name}: seed", precision=0, minimum=0, maximum=MAX_SEED, min_width=60
                )
                dice = gr.Button("🎲", min_width=46, scale=0, elem_classes="dice")
            self.examples = gr.HTML(elem_classes="examples", js_on_load=CHOOSE)
            self.upload = gr.UploadButton("Upload a picture", file_types=["image"], size="sm", visible=False)
            self.background = gr.Radio(
                [("Auto", "auto"), ("Keep", "keep"), ("Invert", "invert")],
                value="auto",
                label="Background",
                visible=False,
                elem_classes="background",
            )
        self.parts = [self.value, self.seed, self.examples, self.upload, self.background]
        """What :meth:`start` fills, in its order."""

        @answers
        def by_seed(model: str, seed: Any) -> object:
            if seed is None:  # emptied, to type another
                return gr.skip()
            stage.space(model).locate(seed, "The seed")
            return {"model": model, "seed": seed}, gr.update(visible=False)

        @answers
        def roll(model: str) -> object:
            seed = random.randrange(10_000)
            return seed, {"model": model, "seed": seed}, gr.update(visible=False)

        @answers
        def by_example(model: str, event: gr.EventData) -> object:
            space = stage.space(model)
            return _pictured(space, examples(space)[event.index], f"example {event.index + 1}"), gr.update(
                visible=False
            )

        @answers
        def by_upload(model: str, file: object, background: images.Background) -> object:
            space = stage.space(model)
            seen = fitted(space, file, background)
            return _pictured(space, seen, "yours, as the model sees it"), gr.update(visible=True)

        picked = [self.value, self.background]
        stage.live([self.seed.input, self.seed.submit], by_seed, [stage.model, self.seed], picked)
        stage.live(dice.click, roll, stage.model, [self.seed, *picked])
        stage.live(self.examples.select, by_example, stage.model, picked)
        stage.live(
            [self.upload.upload, self.background.input],
            by_upload,
            [stage.model, self.upload, self.background],
            picked,
        )

    def start(self, space: LatentSpace) -> list[object]:
        """Values of ``parts`` for a model that has just been chosen."""
        offered = examples(space)
        value: Value = {"model": space.model.bundle.id, "seed": self.first}
        if offered:
            index = self.first % len(offered)
            value = _pictured(space, offered[index], f"example {index + 1}")
        strip = "".join(
            f'<button type="button" data-index="{index}" aria-label="Take example {index + 1}">{img(each, "")}</button>'
            for index, each in enumerate(offered)
        )
        readable = "encoder" in space.model.bundle.graphs
        return [value, self.first, strip, gr.update(visible=readable), gr.update(value="auto", visible=False)]


def place(value: Value) -> int | list[float]:
    """The point that ``value`` stands for, as ``hub.tasks.latent`` takes it."""
    point: int | list[float] = value["z"] if "z" in value else value["seed"]
    return point


def preview(space: LatentSpace, value: Value, label: Label) -> str:
    """The picture of a point with its caption: of an upload what the model sees, of a seed what it makes."""
    if "z" in value:
        return figure(f'<img src="{value["seen"]}" alt="{escape(value["caption"])}">', value["caption"])
    caption = f"seed {int(value['seed'])}"
    return figure(img(space.decode(space.locate(value["seed"]), label), caption), caption)


def figure(picture: str, caption: str) -> str:
    """An ``<img>`` with a line of text below it."""
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _pictured(space: LatentSpace, seen: np.ndarray, caption: str) -> Value:
    return {
        "model": space.model.bundle.id,
        "z": space.model.encode(seen).tolist(),
        "seen": images.to_data_uri(images.to_png(seen)),
        "caption": caption,
    }

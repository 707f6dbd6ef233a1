"""A place in latent space that somebody picks: a seed, one of the bundle's examples, or a picture of their own."""

from html import escape
from typing import Any

import gradio as gr
import numpy as np

from hub import images
from hub.tabs.answers import answers
from hub.tabs.dice import dice, roll
from hub.tabs.examples import CHOOSE, strip
from hub.tabs.latent.stage import Stage, examples, fitted, img
from hub.tasks.latent import Label, LatentSpace
from hub.tasks.sample import MAX_SEED

Value = dict[str, Any]
"""``model`` and ``seed``, or ``model``, ``z``, ``seen`` (the picture as the model sees it) and ``caption``.

It names its model, so that a section never mixes two while they change over. The browser keeps it, so that any server
can answer.
"""


class PointPicker:
    """Its components, drawn where it is made. ``value`` holds the point; ``picked`` are the events that change it."""

    def __init__(self, stage: Stage, name: str, first: int, seeds: bool = True) -> None:
        """``first`` numbers the example to begin with, or the seed where there are no examples.

        Without ``seeds`` the point is always a picture: the first that the model makes, where there are no examples.
        """
        self.name, self.first, self.seeds = name, first, seeds
        self.value = gr.JSON(visible=False)
        with gr.Column(elem_classes="point", min_width=120):
            self.preview = gr.HTML(elem_classes="preview")
            self.examples = gr.HTML(elem_classes="examples", js_on_load=CHOOSE)
            self.upload = gr.UploadButton("Upload a picture", file_types=["image"], size="sm", visible=False)
            self.background = gr.Radio(
                [("Auto", "auto"), ("Keep", "keep"), ("Invert", "invert")],
                value="auto",
                label="Background",
                visible=False,
                elem_classes="background",
            )
            with gr.Row(elem_classes="seed", visible=seeds):
                self.seed = gr.Number(
                    None, label="Seed", placeholder="any", precision=0, minimum=0, maximum=MAX_SEED, min_width=60
                )
                another = dice()
        self.parts = [self.value, self.examples, self.upload, self.background, self.seed]
        """What :meth:`start` fills, in its order."""

        @answers
        def by_seed(model: str, seed: Any) -> object:
            if seed is None:  # emptied, to type another
                return gr.skip()
            stage.space(model).locate(seed, "The seed")
            return {"model": model, "seed": seed}, gr.update(visible=False)

        @answers
        def rolled(model: str) -> object:
            seed = roll()
            return {"model": model, "seed": seed}, gr.update(visible=False), seed

        @answers
        def by_example(model: str, event: gr.EventData) -> object:
            space = stage.space(model)
            seen = examples(space)[event.index]
            return _pictured(space, seen, f"example {event.index + 1}"), gr.update(visible=False), None

        @answers
        def by_upload(model: str, file: object, background: images.Background) -> object:
            space = stage.space(model)
            seen = fitted(space, file, background)
            return _pictured(space, seen, "as the model sees it"), gr.update(visible=True), None

        point, uploaded = [self.value, self.background], [self.upload.upload, self.background.input]
        self.picked = [
            stage.live([self.seed.input, self.seed.submit], by_seed, [stage.model, self.seed], point),
            stage.live(another.click, rolled, stage.model, [*point, self.seed]),
            stage.live(self.examples.select, by_example, stage.model, [*point, self.seed]),
            stage.live(uploaded, by_upload, [stage.model, self.upload, self.background], [*point, self.seed]),
        ]

    def start(self, space: LatentSpace) -> list[object]:
        """Values of ``parts`` for a model that has just been chosen."""
        offered = examples(space)
        value: Value = {"model": space.model.bundle.id, "seed": self.first}
        if offered:
            index = self.first % len(offered)
            value = _pictured(space, offered[index], f"example {index + 1}")
        elif not self.seeds:
            value = _pictured(space, space.decode(space.locate(self.first)), "made by the model")
        shown = strip(images.to_data_uri(images.to_png(each)) for each in offered)
        readable = "encoder" in space.model.bundle.graphs
        background = gr.update(value="auto", visible=False)
        return [value, shown, gr.update(visible=readable), background, value.get("seed")]

    def show(self, space: LatentSpace, value: Value, label: Label) -> str:
        """The picture of its point: of an upload what the model sees, of a seed what it makes."""
        if "z" in value:
            caption = f"{self.name}: {value['caption']}"
            return figure(f'<img src="{escape(str(value["seen"]))}" alt="{escape(caption)}">', caption)
        caption = f"{self.name}: seed {int(value['seed'])}"
        return figure(img(space.decode(space.locate(value["seed"]), label), caption), caption)


def place(value: Value) -> int | list[float]:
    """The point that ``value`` stands for, as ``hub.tasks.latent`` takes it."""
    point: int | list[float] = value["z"] if "z" in value else value["seed"]
    return point


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

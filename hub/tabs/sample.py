"""The Sample tab: noise in, pictures out. The first pictures are there before anybody clicks."""

import re
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from hub import images
from hub.runtime.engine import Engine
from hub.settings import settings
from hub.tabs.answers import LIVE, answers
from hub.tabs.choices import bundles, keep_up, samples, titles
from hub.tabs.curtain import curtain
from hub.tabs.dice import dice, roll
from hub.tabs.downloads import download, download_png
from hub.tabs.facts import facts
from hub.tasks import speak
from hub.tasks.sample import MAX_SEED, SampleModel

SHOWN_AT_LEAST = 128
"""Pixels a side: small pictures are enlarged in whole steps, so that they stay crisp on every screen."""
EVERY = "All classes"
NO_CLASS = (EVERY, "", None)


class Made(NamedTuple):
    """Pictures uint8 [N, H, W, C], the class under each, how many belong in a row (``None``: as it looks best), and
    what files of them are called.
    """

    pictures: np.ndarray
    captions: list[str | None]
    columns: int | None
    name: str

    def names(self) -> list[str]:
        """One for each picture's own file."""
        return [f"{self.name}-{number:03d}.png" for number in range(len(self.pictures))]

    def large(self) -> np.ndarray:
        """As they are shown."""
        return images.enlarge(self.pictures, SHOWN_AT_LEAST)

    def shown(self) -> list[tuple[str, str | None]]:
        """As a gallery takes them."""
        files = map(download_png, map(images.to_rgb, self.large()), self.names())
        return list(zip(files, self.captions, strict=True))


def build(engine: Engine) -> gr.Blocks:
    """The tab for the ``sample`` models of ``engine``, which has at least one. API name: ``/sample``."""
    models = bundles(engine, samples)
    first = next(iter(models))
    most = min(64, settings().max_count)

    def classes(model: str) -> tuple[str, ...]:
        """What may be asked of ``model``: the labels of another are what its judge sees."""
        bundle = engine.model(model).bundle
        return bundle.labels if bundle.conditional else ()

    def made(model: str, count: int, seed: int, temperature: float, label: str) -> Made:
        speaking = speak(engine.model(model), SampleModel)
        every = label in NO_CLASS
        pictures = speaking.sample(count, seed, None if every else label, temperature)
        of_class = [] if every else [re.sub(r"\W+", "_", str(label))]
        file = "-".join([model, *of_class, f"seed{int(seed)}"])
        if not (speaking.conditional and every):
            return Made(pictures, [None] * len(pictures), None, file)
        # The model goes through its classes in turn; here each class gets a row of its own.
        names = speaking.bundle.labels
        order = sorted(range(len(pictures)), key=lambda number: number % len(names))
        captions: list[str | None] = [names[number % len(names)] for number in order]
        return Made(pictures[order], captions, -(-len(order) // len(names)), file)

    @answers
    def sample(
        model: str, count: int = 16, seed: int = 0, temperature: float = 1.0, label: str = EVERY
    ) -> tuple[list[tuple[str, str | None]], str, str]:
        """Make new pictures: the same arguments give the same pixels.

        Args:
            model: the model's id.
            count: how many pictures.
            seed: 0 to 4294967295.
            temperature: how daring, 0 to 3; 1 is what the model learned, 0 its average picture.
            label: for a conditional model, the class to show; "All classes" shows them all, class after class.

        Returns:
            The pictures with their classes, a PNG of all of them as a grid, and a ZIP with one PNG each.
        """
        ready = made(model, count, seed, temperature, label)
        singles = dict(zip(ready.names(), map(images.to_png, ready.pictures), strict=True))
        sheet = download_png(images.grid(ready.large(), ready.columns, gap=8), f"{ready.name}.png")
        return ready.shown(), sheet, download(images.to_zip(singles), f"{ready.name}.zip")

    @answers
    def sample_beside(
        model: str, other: str, count: int, seed: int, temperature: float, label: str
    ) -> tuple[Any, Any, Any, Any]:
        """Both headings and the second gallery: hidden unless there is a model to compare with."""
        if not other:
            hidden = gr.update(visible=False)
            return hidden, hidden, gr.update(visible=False, value=None), hidden
        known = label if label in classes(other) else EVERY
        pictures = made(other, count, seed, temperature, known).shown()
        headings = [f"### {engine.model(name).bundle.title}" for name in (model, other)]
        ours, theirs = (gr.update(visible=True, value=heading) for heading in headings)
        return ours, theirs, gr.update(visible=True, value=pictures), gr.update(visible=True)

    @answers
    def describe(model: str) -> tuple[str, Any, Any]:
        """Facts, the labels there are, and enough pictures to see four of every class."""
        bundle, labels = engine.model(model).bundle, classes(model)
        count = min(4 * len(labels), most) if labels else 16
        choice = gr.update(choices=[EVERY, *labels], value=EVERY, visible=bool(labels))
        return facts(bundle), choice, gr.update(value=count)

    tab: gr.Blocks
    with gr.Blocks() as tab:
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=2, min_width=300, elem_classes="controls"):
                offered, several = titles(engine, samples), len(models) > 1
                model = gr.Dropdown(offered, value=first, label="Model", interactive=several, elem_id="model")
                label = gr.Dropdown(
                    [EVERY, *classes(first)],
                    value=EVERY,
                    label="Class",
                    visible=bool(classes(first)),
                    elem_id="label",
                )
                count = gr.Slider(1, most, value=16, step=1, label="Pictures")
                with gr.Row(elem_classes="seed"):
                    seed = gr.Number(
                        0,
                        label="Seed",
                        info="The same seed, the same pictures",
                        precision=0,
                        minimum=0,
                        maximum=MAX_SEED,
                    )
                    another = dice("dice")
                temperature = gr.Slider(
                    0, 2, value=1, step=0.05, label="Temperature", info="Below 1 typical, above 1 daring"
                )
                other = gr.Dropdown(
                    [("Nothing", ""), *offered],
                    value="",
                    label="Compare with",
                    info="Another model, the same seed",
                    visible=several,
                    elem_id="other",
                )
                go = gr.Button("Sample", variant="primary", size="lg", elem_id="sample")
                about = gr.HTML(facts(models[first]), elem_id="facts")
            with gr.Column(scale=5, min_width=320, elem_classes="pictures"):
                with gr.Row(elem_classes="side-by-side"):
                    with gr.Column(min_width=280):
                        heading = gr.Markdown(visible=False)
                        gallery = _gallery("pictures")
                    with gr.Column(min_width=280, visible=False) as second:
                        other_heading = gr.Markdown(visible=False)
                        other_gallery = _gallery("other-pictures")
                with gr.Row(elem_classes="downloads"):
                    sheet = gr.DownloadButton("Download grid (PNG)", size="sm", elem_id="download-png")
                    archive = gr.DownloadButton("Download all (ZIP)", size="sm", elem_id="download-zip")

        opened = curtain()
        keep_up(opened, engine, samples, model, other)
        asked, shown = [model, count, seed, temperature, label], [gallery, sheet, archive]
        compared = [model, other, count, seed, temperature, label]
        beside = [heading, other_heading, other_gallery, second]
        # preprocess=False: the task checks its arguments itself, in sentences that Gradio's components do not have.
        go.click(
            sample, asked, shown, api_name="sample", show_progress_on=gallery, concurrency_limit=4, preprocess=False
        )
        live = [label.input, seed.submit, count.release, temperature.release]
        gr.on([opened.select, *live], sample, asked, shown, **LIVE)
        gr.on([*live, go.click, other.input], sample_beside, compared, beside, **LIVE)
        # A new model may have other classes, a rolled seed is a new one: only then are there pictures to make.
        for prepared in (
            model.input(describe, model, [about, label, count], **LIVE),
            another.click(roll, None, seed, **LIVE),
        ):
            for handler, inputs, outputs in ((sample, asked, shown), (sample_beside, compared, beside)):
                prepared.then(handler, inputs, outputs, **LIVE)
    return tab


def _gallery(name: str) -> gr.Gallery:
    return gr.Gallery(
        show_label=False,
        columns=4,
        object_fit="contain",
        height="auto",
        format="png",
        buttons=["fullscreen"],
        elem_id=name,
        elem_classes="house-gallery",
    )

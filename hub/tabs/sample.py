"""The Sample tab: noise in, pictures out. The first pictures are there before anybody clicks."""

import random
from functools import partial

import gradio as gr
import numpy as np
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from hub import images
from hub.runtime.engine import Engine
from hub.settings import settings
from hub.tabs.answers import answers
from hub.tabs.facts import facts
from hub.tasks import speak
from hub.tasks.sample import MAX_SEED

SHOWN_AT_LEAST = 128
"""Pixels a side: small pictures are enlarged in whole steps, so that they stay crisp on every screen."""


def build(engine: Engine) -> gr.Blocks:
    """The tab for the ``sample`` models of ``engine``, which has at least one. API name: ``/sample``."""
    models = {name: model for name, model in engine.models.items() if model.bundle.task == "sample"}
    first = next(iter(models))

    @answers
    def sample(
        model: str, count: int = 16, seed: int = 0, temperature: float = 1.0
    ) -> tuple[list[np.ndarray], str, str]:
        """Make new pictures: the same model, seed and temperature give the same pixels.

        Args:
            model: the model's id.
            count: how many pictures.
            seed: 0 to 4294967295.
            temperature: how daring, 0 to 3; 1 is what the model learned, 0 its average picture.

        Returns:
            The pictures, a PNG of all of them as a grid, and a ZIP with one PNG each.
        """
        pictures = speak(engine.model(model)).sample(count=count, seed=seed, temperature=temperature)
        large = images.enlarge(pictures, SHOWN_AT_LEAST)
        name = f"{model}-seed{int(seed)}"
        singles = {f"{name}-{number:03d}.png": images.to_png(each) for number, each in enumerate(pictures)}
        sheet = _download(images.to_png(images.grid(large, gap=8)), f"{name}.png")
        archive = _download(images.to_zip(singles), f"{name}.zip")
        return [images.to_rgb(each) for each in large], sheet, archive

    def roll() -> int:
        return random.randrange(10_000)

    def describe(model: str) -> str:
        return facts(models[model].bundle)

    tab: gr.Blocks
    with gr.Blocks() as tab:
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=2, min_width=300, elem_classes="controls"):
                model = gr.Dropdown(
                    [(each.bundle.title, name) for name, each in models.items()],
                    value=first,
                    label="Model",
                    interactive=len(models) > 1,
                )
                count = gr.Slider(1, min(64, settings().max_count), value=16, step=1, label="Pictures")
                with gr.Row(elem_classes="seed"):
                    seed = gr.Number(
                        0,
                        label="Seed",
                        info="The same seed, the same pictures",
                        precision=0,
                        minimum=0,
                        maximum=MAX_SEED,
                    )
                    dice = gr.Button("🎲", min_width=56, scale=0, elem_id="dice", elem_classes="dice")
                temperature = gr.Slider(
                    0, 2, value=1, step=0.05, label="Temperature", info="Below 1 typical, above 1 daring"
                )
                go = gr.Button("Sample", variant="primary", size="lg", elem_id="sample")
                about = gr.HTML(facts(models[first].bundle), elem_id="facts")
            with gr.Column(scale=5, min_width=320, elem_classes="pictures"):
                gallery = gr.Gallery(
                    label="Pictures",
                    show_label=False,
                    columns=4,
                    object_fit="contain",
                    height="auto",
                    format="png",
                    buttons=["fullscreen"],
                    elem_id="pictures",
                )
                with gr.Row(elem_classes="downloads"):
                    sheet = gr.DownloadButton("Download grid (PNG)", size="sm", elem_id="download-png")
                    archive = gr.DownloadButton("Download all (ZIP)", size="sm", elem_id="download-zip")

        asked, shown = [model, count, seed, temperature], [gallery, sheet, archive]
        # preprocess=False: the task checks its arguments itself, in sentences that Gradio's components do not have.
        go.click(
            sample, asked, shown, api_name="sample", show_progress_on=gallery, concurrency_limit=4, preprocess=False
        )
        live = [tab.load, model.change, seed.submit, count.release, temperature.release]
        private = partial(gr.on, api_visibility="private", show_progress="hidden", preprocess=False)
        private(live, sample, asked, shown, trigger_mode="always_last", concurrency_limit=4)
        private(model.change, describe, model, about)
        rolled = private(dice.click, roll, None, seed)
        rolled.then(sample, asked, shown, api_visibility="private", show_progress="hidden", preprocess=False)
    return tab


def _download(content: bytes, name: str) -> str:
    """A file for the browser to fetch, in Gradio's own cache, which empties itself."""
    path: str = save_bytes_to_cache(content, name, get_upload_folder())
    return path

"""Picture: an upload or one of the bundle's examples, with what should become of it where that is known."""

from typing import Any

import gradio as gr
import numpy as np

from hub import images
from hub.tabs.answers import LIVE, answers
from hub.tabs.curtain import curtain
from hub.tabs.downloads import download_png
from hub.tabs.examples import CHOOSE, strip
from hub.tabs.translate.stage import Stage
from hub.tabs.translate.view import figures, hint
from hub.tabs.translate.work import AT_ONCE, is_inverse, read, seen, stem, translate
from hub.tabs.uploads import uploaded
from hub.tasks.pairs import Pair, pairs
from hub.tasks.translate import TranslateModel

NOTHING = "Upload a picture: this model brings no examples of this direction."


def build(stage: Stage) -> gr.HTML:
    """Draw the section; returns its curtain."""
    value = gr.JSON(visible=False)
    with gr.Row(elem_classes="picture-row"):
        upload = gr.UploadButton(
            "Upload a picture", file_types=["image"], size="md", scale=0, elem_id="translate-upload"
        )
        offered = gr.HTML(elem_classes="examples", js_on_load=CHOOSE, elem_id="translate-examples")
    shown = gr.HTML(elem_id="translated")
    with gr.Row(elem_classes="downloads"):
        file = gr.DownloadButton("Download result (PNG)", size="sm", visible=False, elem_id="download-translated")
    opened = curtain()

    def picked(value: dict[str, Any] | None, examples: list[Pair]) -> Pair | None:
        """The file that ``value`` names: an upload, or one of the examples, of which the first unless it says."""
        value = value if isinstance(value, dict) else {}
        if value.get("upload"):
            return Pair(uploaded({"path": value["upload"]}), None)
        number = value.get("example")
        at = number if isinstance(number, int) and 0 <= number < len(examples) else 0
        return examples[at] if examples else None

    @answers
    def draw(
        model: str,
        direction: str,
        size: str,
        value: dict[str, Any] | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio is asked for one
    ) -> tuple[str, Any]:
        chosen = stage.translator(model)
        inverse = is_inverse(chosen, direction)
        pair = picked(value, pairs(chosen, inverse))
        if pair is None:
            return hint(NOTHING), gr.update(visible=False)
        given = seen(chosen, read(pair.given), inverse, size)
        outcome = translate(chosen, given, inverse, progress, wanted=_wanted(chosen, pair, inverse, size))
        name = f"{stem(pair.given.name)}-{stem(model)}.png"
        return figures(outcome), gr.update(value=download_png(outcome.made, name), visible=True)

    @answers
    def show(model: str, direction: str, size: str, value: dict[str, Any] | None) -> tuple[str, str, Any]:
        """All of it: the model may be another one."""
        chosen = stage.translator(model)
        examples = pairs(chosen, is_inverse(chosen, direction))
        row = strip(images.to_data_uri(pair.given.read_bytes()) for pair in examples)
        return row, *draw(model, direction, size, value)

    def by_example(event: gr.EventData) -> object:
        return {"example": event.index}

    @answers
    def by_upload(file: object) -> object:
        read(uploaded(file))  # said now, and the picture before it stays
        return {"upload": file["path"]} if isinstance(file, dict) else None

    asked, outcome = [*stage.chosen, stage.size, value], [shown, file]
    opened.select(show, asked, [offered, *outcome], **LIVE)
    offered.select(by_example, None, value, **LIVE).success(draw, asked, outcome, **LIVE)
    stage.size.input(draw, asked, outcome, **LIVE)
    large = {**LIVE, "show_progress": "full", "show_progress_on": shown}
    large |= {"concurrency_limit": AT_ONCE, "concurrency_id": "translate"}
    upload.upload(by_upload, upload, value, **LIVE).success(draw, asked, outcome, **large)
    return opened


def _wanted(model: TranslateModel, pair: Pair, inverse: bool, size: object) -> np.ndarray | None:
    return None if pair.wanted is None else seen(model, read(pair.wanted), not inverse, size)

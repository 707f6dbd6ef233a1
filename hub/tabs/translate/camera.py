"""Camera: one frame of a webcam. Nothing asks for the camera before somebody has clicked on it."""

import gradio as gr

from hub.tabs.answers import LIVE, answers
from hub.tabs.downloads import download_png
from hub.tabs.translate.stage import Stage
from hub.tabs.translate.view import figures, hint
from hub.tabs.translate.work import is_inverse, read, seen, stem, translate
from hub.tabs.uploads import uploaded

NOTHING = "Click on the camera and take a picture. Browsers lend it only to this machine's own pages, or over HTTPS."


def build(stage: Stage) -> None:
    """Draw the section."""
    with gr.Row(elem_classes="camera-row"):
        camera = gr.Image(
            sources=["webcam"], show_label=False, format="png", buttons=[], elem_id="translate-camera", min_width=260
        )
        with gr.Column(min_width=260, scale=2):
            shown = gr.HTML(hint(NOTHING), elem_id="taken")
            file = gr.DownloadButton("Download result (PNG)", size="sm", visible=False, elem_id="download-taken")

    @answers
    def draw(model: str, direction: str, size: str, frame: object) -> object:
        if not frame:
            return hint(NOTHING), gr.update(visible=False)
        chosen = stage.translator(model)
        inverse = is_inverse(chosen, direction)
        outcome = translate(chosen, seen(chosen, read(uploaded(frame)), inverse, size), inverse)
        path = download_png(outcome.made, f"camera-{stem(model)}.png")
        return figures(outcome), gr.update(value=path, visible=True)

    events = [camera.change, stage.model.input, stage.direction.input, stage.size.input]
    gr.on(events, draw, [*stage.chosen, stage.size, camera], [shown, file], **LIVE)

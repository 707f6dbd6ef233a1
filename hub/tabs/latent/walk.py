"""Walk: from one point to another, as a strip of film and as a moving picture."""

import gradio as gr

from hub import images
from hub.settings import settings
from hub.tabs.answers import answers
from hub.tabs.downloads import download
from hub.tabs.latent.point import PointPicker, Value, place, preview
from hub.tabs.latent.stage import Stage, film
from hub.tasks.latent import Label, Path

SHOWN_AT_LEAST = 256
"""Pixels a side of the film to download."""


def build(stage: Stage) -> list[PointPicker]:
    """The section; returns the points that it waits for."""
    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=2, min_width=300, elem_classes="controls"):
            with gr.Row(elem_classes="points"):
                start, end = PointPicker(stage, "From", 0), PointPicker(stage, "To", 2)
            count = gr.Slider(
                2, min(64, settings().max_count), value=16, step=1, label="Steps", elem_id="walk-steps", buttons=[]
            )
            path = gr.Radio(
                [("Great circle (slerp)", "slerp"), ("Straight line (lerp)", "lerp")],
                value="slerp",
                label="Path",
                elem_id="walk-path",
            )
        with gr.Column(scale=5, min_width=320, elem_classes="pictures"):
            moving = gr.HTML(elem_id="walk-moving", elem_classes="moving")
            strip = gr.HTML(elem_id="walk-film")
            with gr.Row(elem_classes="downloads"):
                gif = gr.DownloadButton("Download film (GIF)", size="sm", elem_id="download-gif")
                sheet = gr.DownloadButton("Download strip (PNG)", size="sm", elem_id="download-strip")

    @answers
    def draw(start: Value | None, end: Value | None, count: int, path: Path, label: Label) -> object:
        if not start or not end or start["model"] != end["model"]:  # between two models
            return gr.skip()
        space = stage.space(start["model"])
        pictures = space.interpolate(place(start), place(end), count, path, label)
        name = f"{start['model']}-{path}"
        large = images.enlarge(pictures, SHOWN_AT_LEAST)
        moves = images.to_data_uri(images.to_gif(pictures), "gif")
        return (
            preview(space, start, label),
            preview(space, end, label),
            f'<img src="{moves}" alt="The walk, there and back">',
            film(pictures, "Step"),
            download(images.to_gif(large), f"{name}.gif"),
            download(images.to_png(images.grid(large, columns=min(len(large), 16), gap=8)), f"{name}.png"),
        )

    stage.live(
        [start.value.change, end.value.change, count.release, path.input, stage.label.input],
        draw,
        [start.value, end.value, count, path, stage.label],
        [start.preview, end.preview, moving, strip, gif, sheet],
    )
    return [start, end]

"""Walk: from one point to another, as a strip of film and as a moving picture."""

import gradio as gr

from hub import images, video
from hub.settings import settings
from hub.tabs.answers import answers
from hub.tabs.downloads import download, download_png
from hub.tabs.latent.point import PointPicker, Value, place
from hub.tabs.latent.stage import Section, Stage, film
from hub.tasks.latent import Label, Path

SHOWN_AT_LEAST = 256
"""Pixels a side of the film to download."""


def build(stage: Stage) -> Section:
    """Draw the section's components and tie them together."""
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
                mp4 = gr.DownloadButton(
                    "Download film (MP4)", size="sm", elem_id="download-mp4", visible=video.can_encode()
                )
                sheet = gr.DownloadButton("Download strip (PNG)", size="sm", elem_id="download-strip")

    @answers
    def draw(first: Value | None, last: Value | None, count: int, path: Path, label: Label) -> object:
        if not first or not last or first["model"] != last["model"]:  # between two models
            return gr.skip()
        space = stage.space(first["model"])
        pictures = space.interpolate(place(first), place(last), count, path, label)
        name = f"{first['model']}-{path}"
        large = images.enlarge(pictures, SHOWN_AT_LEAST)
        moves = images.to_data_uri(images.to_gif(pictures), "gif")
        return (
            start.show(space, first, label),
            end.show(space, last, label),
            f'<img src="{moves}" alt="The walk, there and back">',
            film(pictures, "Step"),
            download(images.to_gif(large), f"{name}.gif"),
            download(video.walk_to_mp4(pictures), f"{name}.mp4") if video.can_encode() else None,
            download_png(images.grid(large, columns=min(len(large), 16), gap=8), f"{name}.png"),
        )

    section = Section(
        points=[start, end],
        draw=draw,
        inputs=[start.value, end.value, count, path, stage.label],
        outputs=[start.preview, end.preview, moving, strip, gif, mp4, sheet],
    )
    section.after(*start.picked, *end.picked)
    stage.live([count.release, path.input], draw, section.inputs, section.outputs)
    return section

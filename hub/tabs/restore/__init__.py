"""The Restore tab: a picture before and after, and, where the damage was done here, how much of it is undone.

API names: ``/restore``, ``/restore_video``. Shown where a model says what it ``restores``.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import FileData
from gradio.events import api

from hub import images
from hub.dicom import SUFFIXES
from hub.runtime.engine import Engine
from hub.tabs.answers import LIVE, answers
from hub.tabs.choices import bundles, keep_up, restores, titles
from hub.tabs.curtain import curtain
from hub.tabs.downloads import download, download_png, handed
from hub.tabs.examples import CHOOSE, strip
from hub.tabs.facts import facts
from hub.tabs.restore import film, view
from hub.tabs.restore.work import (
    Outcome,
    Recent,
    are_clean,
    clean_examples,
    compared,
    exposed,
    read,
    restore,
    restorer,
    stem,
)
from hub.tabs.uploads import uploaded
from hub.tasks.damage import KINDS, Kind
from hub.tasks.restore import MOST_EXPOSURE, Restorer
from hub.tasks.sample import MAX_SEED

AT_ONCE = 2
"""Pictures in work at the same time: each may be large."""
REMEMBERED = 4
"""Outcomes of models that brighten are kept for another exposure, each before and after others stood beside it, which
share their pictures: 12 megapixels hold 110 MB, 145 MB where they have 16 bits."""


def build(engine: Engine) -> gr.Blocks:
    """The tab for the restoring models of ``engine``, which has at least one."""
    models = bundles(engine, restores)
    first = next(iter(models))
    recent = Recent(REMEMBERED)

    def picked(value: dict[str, Any] | None, model: Restorer) -> Path:
        """The file that ``value`` names: an upload, or one of the model's examples."""
        value = value if isinstance(value, dict) else {}
        offered = clean_examples(model)
        if value.get("upload") or not offered:
            return uploaded({"path": value.get("upload")})
        number = value.get("example")
        return offered[number if isinstance(number, int) and 0 <= number < len(offered) else 0]

    @answers
    def draw(
        model: str,
        value: dict[str, Any] | None,
        damage: float,
        seed: float,
        tells: bool,
        level: float,
        exposure: float,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio is asked for one
    ) -> Iterator[tuple[Any, ...]]:
        """The picture as soon as there is one, and then what others would have made of it."""
        chosen = restorer(engine, model)
        if not value and not clean_examples(chosen):
            yield None, "", "", gr.update(visible=False)
            return
        path = picked(value, chosen)
        told = level if tells and chosen.bundle.told else None
        stops = chosen.exposure(exposure) if chosen.kind.brightens else 0
        kept = recent if chosen.kind.brightens else Recent(0)  # nothing: of noise nobody asks for another exposure
        asked = (chosen.model.model, path, repr(damage), repr(seed), repr(told))
        beside = (*asked, tuple(engine.models))  # there may be more of them next time

        def numbers(made: Outcome) -> str:
            return view.comparison(made.scores, chosen.kind, made.after.pixels.shape[:2])

        known = kept.known(beside)
        whole = known or kept(asked, lambda: restore(chosen, read(path, chosen), damage, seed, progress, told))
        made = exposed(whole, chosen, stops)
        name = stem(path)
        pictures = (
            download_png(view.shown(made.before), f"{name}-before-shown.png"),
            download_png(view.shown(made.after), f"{name}-restored-shown.png"),
        )
        file = download(made.after.to_png(), f"{name}-restored.png")
        yield pictures, numbers(made), view.about(made, chosen.kind), gr.update(value=file, visible=True)
        if whole.damage and not known:
            made = exposed(kept(beside, lambda: compared(whole, engine, chosen)), chosen, stops)
            yield gr.skip(), numbers(made), gr.skip(), gr.skip()

    @answers
    def meet(model: str) -> object:
        """Everything that depends on the model, and its first example."""
        chosen = restorer(engine, model)
        kind, highest = chosen.kind, chosen.damage.highest
        # Damaged already before anybody has moved the slider, where there are clean examples.
        start = min(kind.start, highest) if are_clean(chosen) else 0
        offered = strip(images.to_data_uri(path.read_bytes()) for path in clean_examples(chosen))
        return (
            {"example": 0},
            gr.update(maximum=highest, step=kind.step, value=start, info=f"{kind.info}{view.learned(chosen.damage)}"),
            gr.update(value=False, visible=chosen.bundle.told, info=_else(kind)),
            gr.update(visible=False, maximum=highest, step=kind.finest or kind.step, label=kind.amount),
            gr.update(value=0, visible=kind.brightens),
            offered,
            facts(chosen.bundle, folded=True),
        )

    @answers
    def tell(model: str, value: dict[str, Any] | None, damage: float, tells: bool) -> object:
        """The level to begin with: that of the damage, or about what is to be seen."""
        chosen = restorer(engine, model)
        if not tells or not (value or clean_examples(chosen)):
            return gr.update(visible=tells)
        return gr.update(visible=True, value=damage or chosen.suggested(read(picked(value, chosen), chosen)))

    def by_example(event: gr.EventData) -> object:
        return {"example": event.index}, 0

    @answers
    def by_upload(file: object) -> object:
        read(uploaded(file))  # said now, and the picture before it stays
        return {"upload": file["path"]} if isinstance(file, dict) else None, 0, 0

    @answers
    def restore_picture(
        model: str,
        picture: FileData,
        damage: float = 0,
        seed: int = 0,
        exposure: float = 0,
        level: float | None = None,
    ) -> tuple[FileData, FileData, dict[str, Any]]:
        """Restore a picture of any size and kind, at its own depth; or damage a clean one first, and measure.

        Args:
            model: the id of a model that restores.
            picture: an uploaded picture file; 16-bit and grey PNG and TIFF stay what they are. DICOM files are read
                where pydicom is installed; nothing here is for diagnosis or treatment.
            damage: above 0, the picture is damaged first, as the model has learned to undo it: by Gaussian noise of
                that standard deviation in grey levels, by an exposure that is so many stops too short, or by a CT
                dose halved so many times.
            seed: of the damage.
            exposure: stops that what a low-light model has made is exposed longer by, from -2 to 2: how bright a
                picture was meant to be is its guess.
            level: how much of the damage the picture has, in the unit of ``damage``, for a model that can be told;
                unless given, it finds out.

        Returns:
            The restored picture, the picture that was given to the model, and a report: size, bits, level, what a model
            with a meter has found, exposure, and, where it was damaged, PSNR and SSIM against the clean picture, beside
            classical baselines and other models here.
        """
        path = uploaded(picture)
        chosen = restorer(engine, model)
        stops = chosen.exposure(exposure)
        whole = restore(chosen, read(path, chosen), damage, seed, lambda share: None, level)
        made = exposed(compared(whole, engine, chosen), chosen, stops)
        name = stem(path)
        return (
            handed(download(made.after.to_png(), f"{name}-restored.png")),
            handed(download(made.before.to_png(), f"{name}-before.png")),
            made.report(),
        )

    tab: gr.Blocks
    with gr.Blocks() as tab:
        value = gr.JSON(visible=False)
        with gr.Row(elem_classes="workbench"):
            with gr.Column(scale=2, min_width=300, elem_classes="controls"):
                model = gr.Dropdown(
                    titles(engine, restores),
                    value=first,
                    label="Model",
                    interactive=len(models) > 1,
                    elem_id="restore-model",
                )
                with gr.Column(elem_classes="controls for-pictures"):
                    upload = gr.UploadButton(
                        "Upload a picture", file_types=["image", *SUFFIXES], size="md", elem_id="restore-upload"
                    )
                    examples = gr.HTML(elem_classes="examples", js_on_load=CHOOSE, elem_id="restore-examples")
                    damage = gr.Slider(
                        0,
                        55,
                        value=0,
                        step=1,
                        label="Damage it for me",
                        info=KINDS["gaussian noise"].info,
                        elem_id="restore-damage",
                        buttons=[],
                    )
                    seed = gr.Number(0, label="Seed of the damage", precision=0, minimum=0, maximum=MAX_SEED)
                    tells = gr.Checkbox(
                        False,
                        label="Tell the model how much there is",
                        info=_else(KINDS["gaussian noise"]),
                        visible=False,
                        elem_id="restore-tells",
                    )
                    level = gr.Slider(
                        0,
                        55,
                        value=25,
                        step=1,
                        label=KINDS["gaussian noise"].amount,
                        visible=False,
                        elem_id="restore-level",
                        buttons=[],
                    )
                    exposure = gr.Slider(
                        -MOST_EXPOSURE,
                        MOST_EXPOSURE,
                        value=0,
                        step=0.1,
                        label="Exposure afterwards",
                        info="Stops longer or shorter: how bright it was meant to be is the model's guess",
                        visible=False,
                        elem_id="restore-exposure",
                        buttons=[],
                    )
                described = gr.HTML(facts(models[first], folded=True), elem_id="restore-facts")
            with (
                gr.Column(scale=5, min_width=320, elem_classes="pictures restored"),
                gr.Tabs(elem_classes="sections"),
            ):
                with gr.Tab("Picture"):
                    slider = gr.ImageSlider(
                        show_label=False,
                        type="numpy",
                        format="png",
                        interactive=False,
                        buttons=["fullscreen"],
                        elem_id="restored",
                        elem_classes="before-after",
                    )
                    said = gr.HTML(elem_id="restored-about")
                    numbers = gr.HTML(elem_id="restored-scores")
                    with gr.Row(elem_classes="downloads"):
                        file = gr.DownloadButton(
                            "Download restored (PNG)", size="sm", visible=False, elem_id="download-restored"
                        )
                with gr.Tab("Video", elem_id="restore-film-tab"):
                    film.build(engine, model)

        opened = curtain()
        keep_up(opened, engine, restores, model)
        asked, outcome = [model, value, damage, seed, tells, level, exposure], [slider, numbers, said, file]
        working: dict[str, Any] = {
            "api_visibility": "private",
            "show_progress": "full",
            "show_progress_on": slider,
            "preprocess": False,
            "concurrency_limit": AT_ONCE,
            "concurrency_id": "restore",
            "trigger_mode": "always_last",
        }
        begun = [
            gr.on(
                [opened.select, model.input],
                meet,
                model,
                [value, damage, tells, level, exposure, examples, described],
                **LIVE,
            ),
            tells.input(tell, [model, value, damage, tells], level, **LIVE),
            examples.select(by_example, None, [value, exposure], **LIVE),
            upload.upload(by_upload, upload, [value, damage, exposure], **LIVE),
        ]
        for event in begun:
            event.success(draw, asked, outcome, **working)
        gr.on(
            [damage.release, seed.submit, level.release, exposure.release],
            draw,
            asked,
            outcome,
            **working,
        )
        api(restore_picture, api_name="restore", concurrency_limit=AT_ONCE, concurrency_id="restore")
    return tab


def _else(kind: Kind) -> str:
    return f"Else it finds out. {kind.otherwise}"

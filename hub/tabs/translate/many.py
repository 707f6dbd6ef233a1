"""Batch: several files or ZIPs in, a ZIP out. What is wrong with one of them is said, and the others go on."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from hub.errors import RequestError
from hub.settings import settings
from hub.tabs.answers import QUIETLY, answers
from hub.tabs.downloads import place
from hub.tabs.translate.stage import Stage
from hub.tabs.translate.view import batch, hint
from hub.tabs.translate.work import AT_ONCE, is_inverse, seen, stem
from hub.tabs.uploads import uploaded
from hub.tasks.batch import Done, translate_into
from hub.tasks.parcel import UNPACKED_MB, gather
from hub.tasks.translate import Progress, TranslateModel

FORGET = "() => ['', {__type__: 'update', visible: false}]"


def translate_files(
    model: TranslateModel, files: Sequence[object], inverse: bool, size: object, progress: Progress
) -> tuple[Path, list[Done]]:
    """A ZIP of what becomes of uploaded ``files``, and what became of each.

    Raises:
        RequestError: there are none, too many, or nothing came of any of them.
    """
    named = [(_name(file, path), path) for file in files for path in [uploaded(file)]]
    items = gather(named)
    archive = place(f"{stem(model.bundle.id)}-{len(items)}.zip")
    try:
        fit = partial(_fit, model, inverse, size)
        return archive, translate_into(archive, model, items, fit, inverse, progress)
    except BaseException:
        archive.parent.rmdir()
        raise


def _fit(model: TranslateModel, inverse: bool, size: object, picture: Any) -> Any:
    return seen(model, picture, inverse, size)


def _name(file: object, path: Path) -> str:
    given = file.get("orig_name") if isinstance(file, dict) else None
    return given if isinstance(given, str) and given else path.name


def build(stage: Stage) -> None:
    """Draw the section."""
    most = settings().max_count
    gr.HTML(
        hint(
            f"Up to {most} pictures, or ZIPs of them, {UNPACKED_MB} MB unpacked. Names and folders stay; every picture "
            "comes back as a PNG in one ZIP, and what cannot be read is named and left out."
        )
    )
    files = gr.File(
        file_count="multiple",
        file_types=["image", ".zip"],
        show_label=False,
        height=190,
        elem_id="translate-files",
        elem_classes="translate-files",
    )
    go = gr.Button("Translate all", variant="primary", size="lg", elem_id="translate-all")
    said = gr.HTML(elem_id="batch-said", min_height=40)
    archive = gr.DownloadButton("Download all (ZIP)", size="md", visible=False, elem_id="download-batch")

    @answers
    def run(
        model: str,
        direction: str,
        size: str,
        files: list[object] | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio is asked for one
    ) -> object:
        if not files:
            raise RequestError("There is nothing to translate yet: add pictures or a ZIP first.")
        chosen = stage.translator(model)
        path, made = translate_files(chosen, files, is_inverse(chosen, direction), size, progress)
        return batch(made), gr.update(value=str(path), visible=True)

    working = {**QUIETLY, "show_progress": "full", "show_progress_on": said}
    working |= {"concurrency_limit": AT_ONCE, "concurrency_id": "translate"}
    go.click(run, [*stage.chosen, stage.size, files], [said, archive], **working)
    # Another batch: what was said of the last is no longer true. On the page, at once: by way of the server it could
    # arrive after the answer to a click that came next.
    gr.on([files.change, stage.model.input, stage.direction.input], None, None, [said, archive], js=FORGET)

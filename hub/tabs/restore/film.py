"""Video: a short one through the model, frame by frame; before and after beside each other, and an MP4 to take home.

API name: ``/restore_video``. Work is done from one answer to the next, so whoever stops it, or leaves, ends it.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import FileData
from gradio.events import api

from hub.errors import HubError
from hub.runtime.engine import Engine
from hub.tabs.answers import QUIETLY, answers
from hub.tabs.downloads import handed, place
from hub.tabs.progress import progress_bar
from hub.tabs.restore.work import restorer, stem
from hub.tabs.uploads import uploaded
from hub.tasks.film import LONGEST, MOST_FRAMES, Film, Step, restore_film
from hub.tasks.restore import Restorer
from hub.video import can_encode

ALONE: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "restore-film"}
"""One video is in work at a time; pictures go on meanwhile."""
HINT = (
    f"A short video, up to 32 MB: its first {MOST_FRAMES} frames, which is four seconds and more, each at most "
    f"{LONGEST} pixels long. Every frame is restored on its own, so what is left of the damage may flicker; the sound "
    "is dropped."
)
WITHOUT = "Videos need PyAV: whoever runs this hub can install the extra 'video', which brings it."
IN_LINE = '<p class="film-said" role="status">In line: one video is restored at a time.</p>'
STOPPED = '<p class="film-said" role="status">Stopped.</p>'
TOGETHER = """const both = () => [...element.querySelectorAll('video')]
for (const kind of ['play', 'pause', 'seeked']) element.addEventListener(kind, event => {
  const other = both().find(each => each != event.target)
  if (!other) return
  if (kind != 'seeked') other[kind]()
  if (Math.abs(other.currentTime - event.target.currentTime) > 0.08) other.currentTime = event.target.currentTime
}, true)"""
"""``js_on_load``: what is done to one of both videos happens to the other, so that they show the same frame."""

Made = tuple[Film, Path, Path]
"""The film, the MP4 before and the MP4 after."""


def work(model: Restorer, path: Path) -> Generator[Step | Made, None, None]:
    """The video ``path`` restored into files of Gradio's cache: steps, and at last what was made. Nothing stays of one
    that is not brought to its end.

    Raises:
        RequestError: as :func:`hub.tasks.film.restore_film`.
    """
    name = stem(path)
    before, after = place(f"{name}-before.mp4"), place(f"{name}-restored.mp4")
    done = False
    try:
        for each in restore_film(model, path, before, after):
            if isinstance(each, Film):
                done = True
                yield each, before, after
            else:
                yield each
    finally:
        if not done:
            for file in (before, after):
                file.unlink(missing_ok=True)
                file.parent.rmdir()


def build(engine: Engine, model: gr.Dropdown) -> None:
    """Draw the section; ``model`` is the one chosen beside it."""
    _endpoint(engine)
    if not can_encode():
        gr.HTML(f'<p class="film-hint">{escape(WITHOUT)}</p>')
        return
    gr.HTML(f'<p class="film-hint">{escape(HINT)}</p>')
    with gr.Row(elem_classes="film-buttons"):
        upload = gr.UploadButton(
            "Upload a video",
            file_types=["video", ".gif", ".mkv"],
            size="md",
            scale=0,
            min_width=200,
            elem_id="restore-film-upload",
        )
        stop = gr.Button("Stop", size="md", visible=False, scale=0, min_width=90, elem_id="restore-film-stop")
    shown = gr.HTML(elem_id="restored-film", js_on_load=TOGETHER)
    with gr.Row(elem_classes="downloads"):
        file = gr.DownloadButton("Download restored (MP4)", size="sm", visible=False, elem_id="download-film")
    idle, busy = (
        (gr.update(interactive=True), gr.update(visible=False)),
        (gr.update(interactive=False), gr.update(visible=True)),
    )
    nothing = gr.update(visible=False)

    stopped: set[str] = set()
    """Visitors who want no more of their video. Gradio's own way to cancel (``cancels``) may show a frame's progress
    after the word that it is over."""

    def begin(request: gr.Request) -> tuple[Any, ...]:
        stopped.discard(request.session_hash or "")
        return (IN_LINE, *busy, nothing)

    def end(request: gr.Request) -> None:
        stopped.add(request.session_hash or "")

    @answers
    def run(model: str, video: object, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        visitor = request.session_hash or ""
        try:
            with closing(work(restorer(engine, model), uploaded(video))) as steps:
                for each in steps:
                    if visitor in stopped:
                        yield (STOPPED, *idle, nothing)
                        return
                    if isinstance(each, Step):
                        yield (progress(each), *busy, nothing)
                    else:
                        film, before, after = each
                        yield (outcome(film, before, after), *idle, gr.update(value=str(after), visible=True))
        except HubError as error:
            yield (f'<p role="alert">{escape(str(error))}</p>', *idle, nothing)
        finally:
            stopped.discard(visitor)

    outcomes = [shown, upload, stop, file]
    begun = upload.upload(begin, None, outcomes, **QUIETLY)
    begun.success(run, [model, upload], outcomes, **{**QUIETLY, **ALONE})
    stop.click(end, None, None, **QUIETLY)


def _endpoint(engine: Engine) -> None:
    """Add ``/restore_video`` to the page."""

    @answers
    def restore_video(model: str, video: FileData) -> Iterator[tuple[FileData | None, FileData | None, dict[str, Any]]]:
        """Restore a short video, frame by frame. Of a long one the first frames are taken, a large one is made smaller;
        the sound is dropped. Answers come as it goes on: a job that is cancelled ends with the frame it is at.

        Args:
            model: the id of a model that restores.
            video: an uploaded video file: MP4, MOV, WebM, MKV, AVI or GIF.

        Returns:
            The restored MP4, an MP4 of what was given to the model, and a report: width, height, frames, frames a
            second, and what there is to know. Before the last answer, no files, and how many frames are done of how
            many.
        """
        for each in work(restorer(engine, model), uploaded(video)):
            if isinstance(each, Step):
                yield None, None, {"done": each.done, "expected": each.expected}
            else:
                film, before, after = each
                yield handed(after), handed(before), film.report()

    api(restore_video, api_name="restore_video", **ALONE)


def progress(step: Step) -> str:
    """How far it is."""
    said = f"Frame {step.done} of about {step.expected}"
    return f'{progress_bar("Video", step.done / step.expected)}<p class="film-said">{said}</p>'


def outcome(film: Film, before: Path, after: Path) -> str:
    """Both videos, and what there is to know."""
    figures = "".join(
        f'<figure><video src="gradio_api/file={escape(str(path))}" aria-label="{name}" autoplay muted loop playsinline '
        f"controls></video><figcaption><b>{name}</b></figcaption></figure>"
        for name, path in (("Before", before), ("Restored", after))
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in film.notes)
    said = f"{film.width} x {film.height}, {film.frames} frames, {film.fps:.3g} a second"
    return (
        f'<div class="films">{figures}</div><div class="restored-about" role="status"><p>{said}</p>'
        f"<ul>{notes}</ul></div>"
    )

"""Add a model: a field for a repository of the Hub, or a folder of this machine, and how far its files have come.

Off for everybody but who sits at the machine, unless the owner says otherwise (``GENHUB_ADD_MODELS``). What was added
is there for every visitor who opens the page from then on; the page of who added it opens again, at the new model.
"""

import ipaddress
import os
from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from hub.errors import HubError, RequestError
from hub.runtime.additions import Addition
from hub.runtime.engine import Model
from hub.settings import settings
from hub.tabs.answers import QUIETLY
from hub.tabs.models.stage import Stage
from hub.tabs.progress import progress_bar

TICK = 0.25
"""Seconds between two looks at how far it is."""
PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers of a request that came through somebody else."""
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})

OPEN_AGAIN = """id => {
  if (!id) return
  sessionStorage.setItem('genhub-added', id)
  setTimeout(() => location.reload(), 500)
}"""
"""Every tab learns of new models when it is first opened on a page. Not at once: one should read that it is here, and
the stream that brought the news ends before the page does.
"""


class Section(NamedTuple):
    """``whole`` is hidden from who may not add; ``name`` is the field."""

    whole: gr.Accordion
    name: gr.Textbox


def is_allowed(request: gr.Request) -> bool:
    """Whether the visitor behind ``request`` may add models."""
    wanted = settings().add_models
    return wanted == "on" or (wanted == "auto" and _at_this_machine(request))


def _at_this_machine(request: gr.Request) -> bool:
    """A browser here that speaks to the hub itself, under a name that only this machine has."""
    if "SPACE_ID" in os.environ:  # in a Space everybody comes from next door
        return False
    headers = {str(key).lower(): str(value) for key, value in dict(request.headers).items()}
    name = headers.get("host", "").rsplit(":", 1)[0] if not headers.get("host", "").endswith("]") else "[::1]"
    try:
        near = ipaddress.ip_address(request.client.host).is_loopback
    except (ValueError, AttributeError):
        near = False
    return near and name in LOCAL_NAMES and not any(header in headers for header in PROXIED)


def add(stage: Stage, name: object, request: gr.Request) -> Model:
    """Add the model ``name`` and wait until it is there.

    Raises:
        RequestError: this visitor may not, or not now.
        HubError: it cannot be had, or cannot be trusted.
    """
    return _start(stage, name, request).model()


def _start(stage: Stage, name: object, request: gr.Request) -> Addition:
    if not is_allowed(request):
        raise RequestError("Adding models is off for visitors here; the owner may set GENHUB_ADD_MODELS to on.")
    return stage.additions.start(name, here=_at_this_machine(request))


def build(stage: Stage) -> Section:
    """Draw the section."""
    with gr.Accordion("Add a model", open=False, visible=False, elem_id="add-model") as whole:
        gr.HTML(
            '<p class="hint">A bundle on the Hugging Face Hub, or a public model that this hub knows how to speak to, '
            "such as <code>Carve/LaMa-ONNX</code>. Its files are fetched, checked against their hashes and opened once "
            "before anybody sees it; until the hub is started again it is there for everyone.</p>"
        )
        with gr.Row(elem_classes="add-row"):
            name = gr.Textbox(
                label="Repository, or a folder of this machine",
                placeholder="owner/name or owner/name@revision",
                max_lines=1,
                scale=4,
                min_width=220,
                elem_id="add-name",
            )
            go = gr.Button("Add", variant="primary", scale=0, min_width=120, elem_id="add-go")
        outcome = gr.HTML(elem_id="add-outcome")
    added = gr.Textbox(visible=False)

    def run(name: object, request: gr.Request) -> Iterator[tuple[str, Any, str]]:
        try:
            addition = _start(stage, name, request)
            while not addition.over.wait(TICK):
                yield progress_bar("Fetching", addition.progress), gr.update(interactive=False), ""
            model = addition.model()
            said = f"<p>{escape(model.bundle.title)} is here.</p>"
            yield said, gr.update(interactive=True), model.bundle.id
        except HubError as error:
            yield f'<p role="alert">{escape(str(error))}</p>', gr.update(interactive=True), ""

    for event in (go.click, name.submit):
        event(run, name, [outcome, go, added], **QUIETLY).then(None, added, None, js=OPEN_AGAIN, **QUIETLY)
    return Section(whole, name)


def offer(request: gr.Request) -> Any:
    """Show the section to who may use it."""
    return gr.update(visible=is_allowed(request))

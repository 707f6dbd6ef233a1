"""Code that runs the chosen model elsewhere: fetch its files, then a few lines in one's own language."""

import textwrap
from typing import Any, NamedTuple

import gradio as gr

from hub.contract import VariantName
from hub.errors import RequestError
from hub.runtime.engine import Model
from hub.snippets import snippets
from hub.tabs.answers import QUIETLY, answers
from hub.tabs.models.stage import Stage

LANGUAGES = [("Python", "python"), ("JavaScript", "javascript"), ("C#", "csharp"), ("curl, to this hub", "curl")]
HIGHLIGHT = {"python": "python", "javascript": "html", "csharp": "cpp", "curl": "shell"}
"""Language -> the nearest one that Gradio knows how to colour."""

PLAIN: dict[str, Any] = {"lines": 1, "show_line_numbers": False}


class Section(NamedTuple):
    """``parts`` are filled by ``start`` when a model is chosen."""

    parts: list[Any]
    variant: gr.Dropdown
    language: gr.Radio


def build(stage: Stage, first: Model) -> Section:
    """Draw the section."""
    with gr.Row(elem_classes="code-choice"):
        language = gr.Radio(LANGUAGES, value="python", label="Language", elem_id="code-language")
        variant = gr.Dropdown(
            list(first.bundle.variants), value="fp32", label="Variant", elem_id="code-variant", min_width=120
        )
    files = gr.Code(language="shell", label="Get the files", interactive=False, **PLAIN, elem_id="code-files")
    code = gr.Code(language="python", label="Run them there", interactive=False, **PLAIN, elem_id="code")
    section = Section([variant, files, code], variant, language)

    @answers
    def write(model: str, address: str, language: str, variant: str) -> list[object]:
        return show(stage.engine.model(model), address, language, variant)

    gr.on(
        [language.input, variant.input],
        write,
        [stage.model, stage.address, language, variant],
        section.parts,
        trigger_mode="always_last",
        **QUIETLY,
    )
    return section


def show(model: Model, address: str, language: str, variant: str) -> list[object]:
    """Values of a section's ``parts``."""
    bundle = model.bundle
    name: VariantName = next((name for name in bundle.variants if name == variant), "fp32")
    try:
        model.resolved.require_bundle()
    except RequestError as error:
        said = "\n".join(textwrap.wrap(str(error), 40, initial_indent="# ", subsequent_indent="# "))
        explained = gr.update(value=said, language="shell", label="No code for this model")
        return [gr.update(choices=list(bundle.variants), value=name), gr.update(visible=False), explained]
    written = snippets(bundle, name, address)
    spoken = language if language in HIGHLIGHT else "python"
    return [
        gr.update(choices=list(bundle.variants), value=name),
        gr.update(value=written["files"], visible=spoken != "curl"),
        gr.update(
            value=written[spoken],
            language=HIGHLIGHT[spoken],
            label={"javascript": "index.html", "csharp": "Program.cs"}.get(spoken, "Run it there"),
        ),
    ]

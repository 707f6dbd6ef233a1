"""Benchmark here: every variant of the chosen model on every provider of this machine, beside the pages that go on."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple

import gradio as gr

from hub.contract import Bundle
from hub.errors import HubError
from hub.runtime.bench import Cell
from hub.runtime.choice import main_graph
from hub.tabs.answers import QUIETLY, answers
from hub.tabs.models.stage import Stage
from hub.tabs.progress import progress_bar

TICK = 0.25
"""Seconds between two looks at how far it is."""
HEADER = ("Variant", "Provider", "One picture", "Pictures a second", "Times the slowest")
NOT_YET = "<p>Not measured on this machine yet. It takes seconds for small models, about a minute at most.</p>"


class Section(NamedTuple):
    """``outcome`` shows what was measured; ``finished`` is the event after which there may be new numbers."""

    outcome: gr.HTML
    finished: Any


def build(stage: Stage) -> Section:
    """Draw the section."""
    gr.HTML(
        '<p class="hint">Times every variant on every provider of the machine that serves this page, in turns; '
        "the pages go on meanwhile. A batch of one gives the latency, a batch of 16 the throughput.</p>"
    )
    with gr.Row(elem_classes="bench-buttons"):
        go = gr.Button("Benchmark here", variant="primary", elem_id="benchmark", scale=0, min_width=220)
        stop = gr.Button("Stop", elem_id="benchmark-stop", visible=False, scale=0, min_width=90)
    outcome = gr.HTML(elem_id="benchmark-outcome")

    def time_here(model: str, request: gr.Request) -> Iterator[tuple[str, Any, Any]]:
        idle, busy = (
            (gr.update(interactive=True), gr.update(visible=False)),
            (gr.update(interactive=False), gr.update(visible=True)),
        )
        try:
            timed = stage.engine.model(model)
            run = stage.benchmarks.start(timed, request.session_hash or "")
            try:
                while not run.over.wait(TICK):
                    yield (progress_bar("Benchmark", run.progress), *busy)
            finally:
                run.stop.set()  # a visitor who has left needs no numbers
            yield (outcome_table(timed.bundle, run.cells()), *idle)
        except HubError as error:
            yield (f'<p role="alert">{escape(str(error))}</p>', *idle)

    @answers
    def end(request: gr.Request) -> None:
        stage.benchmarks.stop(request.session_hash or "")

    finished = go.click(time_here, stage.model, [outcome, go, stop], **QUIETLY)
    stop.click(end, None, None, **QUIETLY)
    return Section(outcome, finished)


def lines(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """``cells`` in JSON's own types; the ratio is against the slowest latency among them."""
    slowest = max((cell.milliseconds[1] for cell in cells if cell.milliseconds), default=0.0)
    return [
        {
            "variant": cell.variant,
            "provider": cell.provider,
            "milliseconds": round(cell.milliseconds[1], 3),
            "images_per_second": round(1000 / min(cell.milliseconds.values()), 1),
            "times_the_slowest": round(slowest / cell.milliseconds[1], 2),
        }
        if cell.milliseconds
        else {"variant": cell.variant, "provider": cell.provider, "refused": cell.refused}
        for cell in cells
    ]


def outcome_table(bundle: Bundle, cells: Sequence[Cell]) -> str:
    """What was measured, as HTML. It says of what: whoever chose another model meanwhile is not misled."""
    if not cells:
        return NOT_YET
    drawn = "".join(_line(line) for line in lines(cells))
    what = f"{escape(bundle.title)}, {main_graph(bundle)}"
    header = "".join(f'<th scope="col">{name}</th>' for name in HEADER)
    listed = (
        f'<table class="timed"><caption>{what}</caption><thead><tr>{header}</tr></thead><tbody>{drawn}</tbody></table>'
    )
    return f'<div class="scrolls">{listed}</div>'


def _line(line: dict[str, Any]) -> str:
    names = f'<th scope="row">{line["variant"]}</th><td>{line["provider"]}</td>'
    if "refused" in line:
        return f'<tr>{names}<td colspan="3"><small>{escape(line["refused"])}</small></td></tr>'
    return (
        f"<tr>{names}<td>{line['milliseconds']:.2f} ms</td><td>{line['images_per_second']:,.0f}</td>"
        f"<td>{line['times_the_slowest']:.2f}</td></tr>"
    )

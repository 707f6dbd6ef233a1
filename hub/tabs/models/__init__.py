"""The Models tab: all models side by side; of the chosen one its card, its files, code that runs it, how quick it is.

API names: ``/models``, ``/snippets``, ``/benchmark``, ``/stop_benchmark``, ``/add_model`` (``api.py``). Files:
``download/<id>.zip`` and ``download/<id>/<path>``, served by ``hub.server``.
"""

from typing import Any

import gradio as gr

from hub.runtime.additions import Additions
from hub.runtime.benchmarks import Benchmarks
from hub.runtime.engine import Engine
from hub.tabs.answers import LIVE, QUIETLY, answers
from hub.tabs.curtain import curtain
from hub.tabs.models import adding, api, code, timing
from hub.tabs.models.about import about, heading
from hub.tabs.models.files import files
from hub.tabs.models.rows import rows
from hub.tabs.models.stage import Stage
from hub.tabs.models.table import CHOOSE, table

SHOW_ADDED = """() => {
  if (sessionStorage.getItem('genhub-added')) for (const tab of document.querySelectorAll('button[role=tab]'))
    if (tab.textContent.trim() == 'Models') tab.click()
}"""
"""Who has just added a model finds this tab open."""
HERE = """model => {
  const added = sessionStorage.getItem('genhub-added')
  sessionStorage.removeItem('genhub-added')
  return [location.origin + location.pathname, added || model]
}"""
"""Behind whatever proxies there are, the browser knows the address under which it found this hub; and it knows
which model has just been added."""
SHOW_CARD = """() => {
  const card = document.getElementById('chosen-model')
  if (card && (card.getBoundingClientRect().top > innerHeight - 160 || card.getBoundingClientRect().top < 0))
    card.scrollIntoView({behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'})
}"""
"""On a phone the card lies below the list: go there. The focus stays on the button."""


def build(engine: Engine) -> gr.Blocks:
    """The tab for all models of ``engine``, which knows at least one."""
    benchmarks = Benchmarks()
    first = next(iter(engine.models.values()))

    tab: gr.Blocks
    with gr.Blocks() as tab:
        model = gr.Textbox(first.bundle.id, visible=False)
        address = gr.Textbox("http://127.0.0.1:7860", visible=False)
        stage = Stage(engine, benchmarks, Additions(engine), model, address)
        shown = table(rows(engine, benchmarks), first.bundle.id, engine.missing)
        listed = gr.HTML(shown, elem_id="models", js_on_load=CHOOSE)
        adder = adding.build(stage)
        head = gr.HTML(heading(first))
        with gr.Tabs(elem_classes="sections"):
            with gr.Tab("Card"):
                card = gr.HTML(elem_id="model-card")
            with gr.Tab("Files"):
                taken = gr.HTML(files(first), elem_id="model-files")
            with gr.Tab("Code"):
                coded = code.build(stage, first)
            with gr.Tab("Benchmark"):
                timed = timing.build(stage)

        @answers
        def meet(name: str, address: str, language: str, variant: str) -> list[object]:
            """Everything about the model ``name``."""
            met = engine.model(name)
            return [
                heading(met),
                about(met),
                files(met),
                timing.outcome_table(met.bundle, benchmarks.measured(met)),
                *code.show(met, address, language, variant),
            ]

        def choose(event: gr.EventData) -> Any:
            return event.model

        def listing(name: str) -> str:
            return table(rows(engine, benchmarks), name, engine.missing)

        asked = [model, address, coded.language, coded.variant]
        filled = [head, card, taken, timed.outcome, *coded.parts]
        tab.load(None, None, None, js=SHOW_ADDED, **QUIETLY)
        opened = curtain()
        here = opened.select(None, model, [address, model], js=HERE, **QUIETLY)
        here.then(meet, asked, filled, **LIVE)
        here.then(listing, model, listed, **LIVE)
        opened.select(adding.offer, None, adder.whole, **QUIETLY)
        chosen = listed.select(choose, None, model, **LIVE)
        chosen.then(meet, asked, filled, **LIVE).success(None, None, None, js=SHOW_CARD, **QUIETLY)
        timed.finished.then(listing, model, listed, **LIVE)
        api.build(stage)
    return tab

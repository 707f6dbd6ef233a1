"""The tab for programs: table, snippets and benchmark in JSON. Files have plain addresses: ``download/…``."""

from typing import Any

import gradio as gr
from gradio.events import api

from hub.contract import VariantName
from hub.runtime.benchmarks import RUNS
from hub.snippets import snippets as written
from hub.tabs.answers import answers
from hub.tabs.models import adding
from hub.tabs.models.rows import row, rows
from hub.tabs.models.stage import Stage
from hub.tabs.models.timing import lines


def build(stage: Stage) -> None:
    """Add the endpoints to the page."""

    @answers
    def models() -> list[dict[str, Any]]:
        """List all models of this hub: task, picture, parameters, variants, headline metric, licence, source.

        Returns:
            One object a model. Addresses are relative to the hub's; latencies are milliseconds for a batch of one,
            by provider, where a benchmark has measured them here.
        """
        return rows(stage.engine, stage.benchmarks)

    @answers
    def snippets(model: str, variant: VariantName = "fp32", hub: str = "http://127.0.0.1:7860") -> dict[str, str]:
        """Write code that runs a model elsewhere.

        Args:
            model: the model's id.
            variant: fp32, fp16 or int8, where the model has it.
            hub: the address under which the code is to find this hub.

        Returns:
            files (shell, fetches them), python, javascript (a whole page), csharp (a whole program), and curl.
        """
        asked = stage.engine.model(model)
        asked.resolved.require_bundle()
        return written(asked.bundle, variant, hub)

    @answers
    def benchmark(model: str, request: gr.Request, runs: int = RUNS) -> list[dict[str, Any]]:
        """Time every variant of a model on every provider of this machine. One benchmark runs at a time.

        Args:
            model: the model's id.
            runs: timed rounds, 1 to 100.

        Returns:
            One object for each variant and provider: the median milliseconds for a batch of one, pictures a second,
            and how many times as fast that is as the slowest.
        """
        return lines(stage.benchmarks.start(stage.engine.model(model), request.session_hash or "", runs).cells())

    @answers
    def stop_benchmark(request: gr.Request) -> bool:
        """End the benchmark that this client started.

        Returns:
            Whether there was one.
        """
        return stage.benchmarks.stop(request.session_hash or "")

    @answers
    def add_model(name: str, request: gr.Request) -> dict[str, Any]:
        """Add a model while the hub runs, for all who open it from then on. Off unless the owner allows it, or the
        call comes from the machine itself.

        Args:
            name: a Hub repository as owner/name or owner/name@revision; from the machine itself also a folder.

        Returns:
            Its row, as /models has it.
        """
        return row(adding.add(stage, name, request), stage.benchmarks)

    for endpoint in (models, snippets, benchmark, stop_benchmark, add_model):
        api(endpoint, api_name=endpoint.__name__, concurrency_limit=4)

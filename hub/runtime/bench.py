"""Times every variant of a bundle on every provider of this machine, side by side."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from hub.contract import VariantName
from hub.errors import HubError
from hub.runtime import feeds
from hub.runtime.adapted import AdaptedSession, open_graph
from hub.runtime.choice import main_graph
from hub.runtime.session import Session, available_providers
from hub.settings import Provider
from hub.weights import Resolved

BATCHES = (1, 16)
WARM_UP = 2
"""Rounds that nobody counts: the first run of a session is the slow one."""
LEAST_ROUNDS = 3
"""Timed rounds that there are even when time is up."""


class StoppedError(HubError):
    """A benchmark that somebody ended; it measured nothing."""


@dataclass(frozen=True)
class Cell:
    """One variant on one provider: median milliseconds per picture by batch size, or why it does not run there."""

    variant: VariantName
    provider: Provider
    milliseconds: dict[int, float]
    refused: str = ""


def measure(
    found: Resolved,
    runs: int,
    seconds: float = float("inf"),
    progress: Callable[[float], object] = lambda share: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Cell]:
    """The main graph of every variant on every provider. Cells take turns within a round, so that a busy machine is
    busy for all.

    Args:
        found: what to time; variants that the Hub has and the disk has not are fetched.
        runs: timed rounds.
        seconds: no new round begins after so many, once there are three.
        progress: told the share that is done, 0 to 1.
        stopped: asked between any two runs.

    Raises:
        StoppedError: ``stopped`` said so.
    """
    bundle, adapter = found.bundle, found.adapter
    graph = main_graph(bundle)
    sessions: dict[tuple[VariantName, Provider], Session | AdaptedSession] = {}
    refused: list[Cell] = []
    for name in bundle.variants:
        trouble = _trouble_in_fetching(found, name)
        for provider in reversed(available_providers()):
            if stopped():
                raise StoppedError("The benchmark was stopped.")
            if trouble:
                refused.append(Cell(name, provider, {}, trouble))
                continue
            try:
                session = open_graph(found.folder, bundle, name, graph, provider, adapter)
            except HubError as error:
                refused.append(Cell(name, provider, {}, str(error)))
            else:
                sessions[name, provider] = session

    # A picture in a batch that runs one by one takes what a picture takes: there is no need to wait for sixteen.
    batches = BATCHES[:1] if adapter is not None and adapter.graphs[graph].one_at_a_time else BATCHES
    inputs = {batch: feeds.example(bundle.graphs[graph], batch) for batch in batches}
    times: dict[tuple[VariantName, Provider, int], list[float]] = {
        (*cell, batch): [] for cell in sessions for batch in batches
    }
    began = time.monotonic()
    for round_ in range(runs + WARM_UP):
        spent = time.monotonic() - began
        if round_ >= WARM_UP + LEAST_ROUNDS and spent > seconds:
            break
        for number, ((name, provider), session) in enumerate(sessions.items()):
            progress(min(1.0, max((round_ + number / len(sessions)) / (runs + WARM_UP), spent / seconds)))
            for batch in batches:
                if stopped():
                    raise StoppedError("The benchmark was stopped.")
                start = time.perf_counter()
                session.run(inputs[batch])
                if round_ >= WARM_UP:
                    times[name, provider, batch].append((time.perf_counter() - start) * 1000 / batch)
    medians = {cell: statistics.median(each) for cell, each in times.items()}
    return [
        Cell(name, provider, {batch: medians[name, provider, min(batch, batches[-1])] for batch in BATCHES})
        for name, provider in sessions
    ] + refused


def _trouble_in_fetching(found: Resolved, variant: VariantName) -> str:
    """Why the files of ``variant`` cannot be had; empty where they are there."""
    try:
        found.fetch(variant)
    except HubError as error:
        return str(error)
    return ""

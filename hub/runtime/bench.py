"""Times every variant of a bundle on every provider of this machine, side by side."""

import statistics
import time
from pathlib import Path

from hub.contract import Bundle, VariantName
from hub.errors import HubError
from hub.runtime import feeds
from hub.runtime.choice import main_graph
from hub.runtime.session import Session, available_providers
from hub.settings import Provider
from hub.weights import verify

BATCHES = (1, 16)


def measure(bundle: Bundle, folder: Path, runs: int) -> tuple[list[str], list[list[object]]]:
    """A header, and one row per variant and provider: median milliseconds per picture at each batch size, and how
    many times as fast that is as fp32 on plain ONNX Runtime in the same run. Cells take turns within a round.

    Raises:
        BundleError: a variant's files are missing or damaged.
    """
    graph = main_graph(bundle)
    sessions: dict[tuple[VariantName, Provider], Session] = {}
    refused: list[list[object]] = []
    for name, variant in bundle.variants.items():
        verify(folder, bundle, name)
        for provider in reversed(available_providers()):
            try:
                session = Session(folder / variant.files[graph].path, provider, dynamic_sizes=bundle.image.dynamic)
            except HubError as error:
                refused.append([name, provider, str(error), *[""] * (2 * len(BATCHES) - 1)])
            else:
                sessions[name, provider] = session

    inputs = {batch: feeds.example(bundle.graphs[graph], batch) for batch in BATCHES}
    times: dict[tuple[str, str, int], list[float]] = {(*cell, batch): [] for cell in sessions for batch in BATCHES}
    for round_ in range(runs + 2):
        for (name, provider), session in sessions.items():
            for batch in BATCHES:
                start = time.perf_counter()
                session.run(inputs[batch])
                if round_ >= 2:  # the first two warm up
                    times[name, provider, batch].append((time.perf_counter() - start) * 1000 / batch)

    medians = {cell: statistics.median(each) for cell, each in times.items()}
    header = [
        "variant",
        "provider",
        *(f"{what} (batch {batch})" for batch in BATCHES for what in ("ms", "times as fast")),
    ]
    rows: list[list[object]] = []
    for name, provider in sessions:
        row: list[object] = [name, provider]
        for batch in BATCHES:
            ms = medians[name, provider, batch]
            row += [f"{ms:.3f}", f"{medians['fp32', 'cpu', batch] / ms:.2f}"]
        rows.append(row)
    return header, rows + refused

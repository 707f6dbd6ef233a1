"""Which variant and provider a model gets on this machine, and why: measured once, remembered, overridable.

The same seed has to give the same pixels on every run, so a choice is made before the first picture, kept in
``<cache>/choices.json`` under the machine's description and the bundle's hash, and not revisited behind a user's back.
"""

import contextlib
import logging
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter

from hub import files, weights
from hub.adapters import Adapter
from hub.contract import TASKS, Bundle, Target, VariantName
from hub.errors import HubError, ProviderError, RequestError
from hub.runtime import feeds
from hub.runtime.adapted import AdaptedSession, open_graph
from hub.runtime.session import Arrays, Session, available_providers, machine
from hub.settings import Provider, settings

log = logging.getLogger("genhub")

MEASURED_BATCH = 8
"""Of an adapted model, 1: many of them are large, and take one picture at a time."""
MEASURED_RUNS = 7
MEASURED_SECONDS = 10.0
"""No further run begins after so many, once there is one that counts."""
WORTH_IT = 1.2
"""A provider must beat plain onnxruntime by this much: it also costs memory and start time."""

Fetch = Callable[[VariantName], None]
"""Has a variant's files on disk, verified, or raises."""

_file_lock = threading.Lock()


@dataclass(frozen=True)
class Choice:
    """``reason`` is a sentence for people; ``milliseconds`` is what was measured, by provider, per batch of 8."""

    variant: VariantName
    provider: Provider
    reason: str
    milliseconds: dict[str, float]


CHOICES = TypeAdapter(dict[str, Choice])


def choose(
    bundle: Bundle,
    folder: Path,
    fetch: Fetch | None = None,
    adapter: Adapter | None = None,
    fingerprint: str | None = None,
) -> Choice:
    """The variant and provider for ``bundle``: what the environment sets, else what was measured on this machine.

    The variant's files are verified before anything is measured on them; ``fetch`` does that for a bundle that may
    have to be fetched first. ``adapter`` speaks to graphs of somebody else's, whose manifest, without a file, needs a
    ``fingerprint``.

    Raises:
        ProviderError: the environment names a provider that this machine does not have.
        BundleError: the environment names a variant that the bundle does not have, or a file is missing or damaged.
    """
    fetch = fetch or partial(weights.verify, folder, bundle)
    wanted, available = settings().provider, available_providers()
    if wanted != "auto" and wanted not in available:
        raise ProviderError(f"GENHUB_PROVIDER is '{wanted}', but this machine has only {', '.join(available)}.")
    if wanted != "auto":
        variant = _verified_variant(bundle, wanted, fetch)
        return Choice(variant, wanted, "set by GENHUB_PROVIDER", {})
    if "cuda" in available:
        variant = _verified_variant(bundle, "cuda", fetch)
        try:
            session = open_graph(folder, bundle, variant, main_graph(bundle), "cuda", adapter)
            session.run(feeds.example(bundle.graphs[main_graph(bundle)], 1))
            return Choice(variant, "cuda", "a CUDA device is present", {})
        except HubError as error:  # a GPU without its libraries must not cost the picture
            log.warning("%s goes to the CPU: %s", bundle.id, error)
    variant = _verified_variant(bundle, "cpu", fetch)
    if "openvino" not in available:
        return Choice(variant, "cpu", "the only provider that works on this machine", {})

    key = f"{bundle.id} {(fingerprint or weights.fingerprint(folder))[:16]} {variant} on {machine()}"
    if (known := _remembered().get(key)) is not None:
        return known
    choice = _measure(bundle, folder, variant, adapter)
    _remember(key, choice)
    return choice


def target() -> Target:
    """What this machine would run a model on, as far as that decides which variant to fetch."""
    return "cuda" if settings().provider in ("auto", "cuda") and "cuda" in available_providers() else "cpu"


def _verified_variant(bundle: Bundle, provider: Provider, fetch: Fetch) -> VariantName:
    variant = weights.wanted_variant(bundle, "cuda" if provider == "cuda" else "cpu")
    fetch(variant)
    return variant


def main_graph(bundle: Bundle) -> str:
    """The graph that a task cannot do without, and where its time goes: ``decoder``, ``translator``, ..."""
    return next(iter(TASKS[bundle.task]))


def _measure(bundle: Bundle, folder: Path, variant: VariantName, adapter: Adapter | None) -> Choice:
    graph = main_graph(bundle)
    inputs = feeds.example(bundle.graphs[graph], MEASURED_BATCH if adapter is None else 1)

    def time_on(provider: Provider) -> float:
        return _median_ms(open_graph(folder, bundle, variant, graph, provider, adapter), inputs)

    took: dict[str, float] = {"cpu": time_on("cpu")}
    try:
        took["openvino"] = time_on("openvino")
    except HubError:
        return Choice(variant, "cpu", "OpenVINO could not run this graph", took)
    gain = took["cpu"] / max(took["openvino"], 1e-3)
    if gain >= WORTH_IT:
        return Choice(variant, "openvino", f"measured {gain:.1f} times as fast as plain ONNX Runtime here", took)
    return Choice(variant, "cpu", f"OpenVINO measured {gain:.1f} times as fast here, not worth its memory", took)


def _median_ms(session: Session | AdaptedSession, inputs: Arrays) -> float:
    times: list[float] = []
    began = time.monotonic()
    for _ in range(2 + MEASURED_RUNS):
        if len(times) > 2 and time.monotonic() - began > MEASURED_SECONDS:
            break
        start = time.perf_counter()
        session.run(inputs)
        times.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(times[2:]), 3)


def _choices_file() -> Path:
    return settings().cache_dir / "choices.json"


def _remembered() -> dict[str, Choice]:
    """Choices made before; an unreadable file only means that they are measured again."""
    try:
        return CHOICES.validate_json(_choices_file().read_bytes())
    except (OSError, ValueError):
        return {}


def _remember(key: str, choice: Choice) -> None:
    """Write through a temporary name, so that another process reads the old file or the new one, never half of it."""
    with _file_lock, contextlib.suppress(OSError, RequestError):  # a read-only home only means measuring again
        target = _choices_file()
        target.parent.mkdir(parents=True, exist_ok=True)
        files.write(target, CHOICES.dump_json({**_remembered(), key: choice}, indent=1))

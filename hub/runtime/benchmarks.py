"""Benchmarks that visitors start: one at a time in the process, each in a thread of its own, its outcome remembered.

The outcome stands in ``<cache>/benchmarks.json`` under the machine's description and the bundle's hash.
"""

import contextlib
import logging
import threading

from pydantic import TypeAdapter

from hub import files
from hub.errors import HubError, RequestError
from hub.runtime.bench import Cell, measure
from hub.runtime.engine import Model
from hub.runtime.session import machine
from hub.settings import settings

log = logging.getLogger("genhub")

SECONDS = 60.0
"""About as long as one may take."""
RUNS, MOST_RUNS = 30, 100
"""Timed rounds unless told, and at most."""
REMEMBERED = TypeAdapter(dict[str, list[Cell]])


class Run:
    """One benchmark, under way or over. ``progress`` goes from 0 to 1."""

    def __init__(self, model: Model, owner: str) -> None:
        self.model_id, self.owner = model.bundle.id, owner
        self.progress = 0.0
        self.over, self.stop = threading.Event(), threading.Event()
        self.measured: list[Cell] = []
        self.failure: HubError | None = None

    def tell(self, share: float) -> None:
        """Note how far it is."""
        self.progress = share

    def cells(self) -> list[Cell]:
        """What was measured, once it is over.

        Raises:
            HubError: it was stopped, or something went wrong.
        """
        self.over.wait()
        if self.failure is not None:
            raise self.failure
        return self.measured


class Benchmarks:
    """Those of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: Run | None = None

    def start(self, model: Model, owner: str, runs: int = RUNS) -> Run:
        """Begin to measure ``model`` for ``owner``, and return at once.

        Raises:
            RequestError: another one is under way, or ``runs`` is no whole number from 1 to 100.
        """
        if not isinstance(runs, int) or isinstance(runs, bool) or not 1 <= runs <= MOST_RUNS:
            raise RequestError(f"The runs must be a whole number from 1 to {MOST_RUNS}.")
        with self._lock:
            if self._running is not None and not self._running.over.is_set():
                raise RequestError(
                    f"A benchmark of '{self._running.model_id}' is under way, and two at once would measure each "
                    "other; try again in a minute."
                )
            run = self._running = Run(model, owner)
            threading.Thread(target=self._work, args=(run, model, runs), name="benchmark", daemon=True).start()
        return run

    def _work(self, run: Run, model: Model, runs: int) -> None:
        try:
            run.measured = measure(model.resolved, runs, SECONDS, run.tell, run.stop.is_set)
            self._remember(model, run.measured)
        except HubError as error:
            run.failure = error
        except Exception:
            log.exception("The benchmark of %s failed", run.model_id)
            run.failure = HubError("Something broke on our side; the log has it.")
        finally:
            run.over.set()

    def stop(self, owner: str) -> bool:
        """Have the benchmark that ``owner`` started end soon; whether there was one."""
        run = self._running
        if run is None or run.owner != owner or run.over.is_set():
            return False
        run.stop.set()
        return True

    def measured(self, model: Model) -> list[Cell]:
        """What was last measured for this very bundle on this very machine; empty where nothing was."""
        return self._remembered().get(_key(model), [])

    def _remembered(self) -> dict[str, list[Cell]]:
        try:
            return REMEMBERED.validate_json((settings().cache_dir / "benchmarks.json").read_bytes())
        except (OSError, ValueError):  # unreadable only means to measure again
            return {}

    def _remember(self, model: Model, cells: list[Cell]) -> None:
        with self._lock, contextlib.suppress(OSError, RequestError):  # nor does a read-only home cost the table
            target = settings().cache_dir / "benchmarks.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            files.write(target, REMEMBERED.dump_json({**self._remembered(), _key(model): cells}, indent=1))


def _key(model: Model) -> str:
    try:
        return f"{model.bundle.id} {model.resolved.fingerprint[:16]} on {machine()}"
    except OSError:  # its folder is gone
        return ""

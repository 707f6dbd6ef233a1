"""Models by id, opened when first used and closed when memory runs short.

One :class:`Engine` serves a process. A model is verified, chosen a provider and warmed up once, under its own lock:
two callers of a cold model wait for one load, callers of other models do not wait at all.
"""

import logging
import reprlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hub.catalog import catalog_ids
from hub.errors import BundleError, HubError, UnknownModelError
from hub.runtime import feeds
from hub.runtime.adapted import AdaptedSession, open_graph
from hub.runtime.choice import Choice, choose, main_graph, target
from hub.runtime.session import Arrays, Session
from hub.settings import settings
from hub.weights import Resolved, resolve, verify_file

log = logging.getLogger("genhub")

BYTES_PER_FILE_BYTE = 3
"""Resident memory of an open graph per byte of its file: the weights, their packed copy, and the arena."""


class Model:
    """One bundle, ready to run. Graphs open on first use; ``run`` may be called from many threads at once."""

    def __init__(self, resolved: Resolved) -> None:
        self.resolved = resolved
        """Where the bundle came from, and why from there."""
        self.bundle, self.folder, self.source = resolved.bundle, resolved.folder, resolved.source
        self._lock = threading.Lock()
        self._choice: Choice | None = None
        self._sessions: dict[str, Session | AdaptedSession] = {}
        self.last_used = 0.0
        """On the clock of ``time.monotonic``."""

    @property
    def choice(self) -> Choice:
        """The variant and provider in use. The first call verifies the files, and measures where it has to."""
        with self._lock:
            return self._chosen()

    def _chosen(self) -> Choice:
        if self._choice is None:
            adapter = self.resolved.adapter
            named = self.resolved.fingerprint if adapter else None
            choice = choose(self.bundle, self.folder, self.resolved.fetch, adapter, named)
            log.info("%s: %s on %s (%s)", self.bundle.id, choice.variant, choice.provider, choice.reason)
            self._choice = choice
        return self._choice

    def _session(self, graph: str) -> Session | AdaptedSession:
        with self._lock:
            if graph not in self._sessions:
                choice = self._chosen()
                # Verified once more: it may have been days since the choice, and it is this content that will run.
                verify_file(self.folder, self.bundle, self.bundle.variants[choice.variant].files[graph])
                session = open_graph(
                    self.folder, self.bundle, choice.variant, graph, choice.provider, self.resolved.adapter
                )
                session.run(feeds.example(self.bundle.graphs[graph], 1))  # the first run of a session is the slow one
                self._sessions[graph] = session
            return self._sessions[graph]

    def warm_up(self) -> None:
        """Open the main graph now rather than at the first request."""
        self._session(main_graph(self.bundle))

    def run(self, graph: str, inputs: Arrays) -> dict[str, np.ndarray]:
        """The outputs of ``graph`` by name.

        Raises:
            RequestError: the inputs do not fit the graph.
            BundleError: the bundle's files are damaged.
        """
        checked = feeds.check(self.bundle.graphs[graph], inputs)
        self.last_used = time.monotonic()
        return self._session(graph).run(checked)

    @property
    def resident_bytes(self) -> int:
        """An estimate of the memory its open graphs hold."""
        if self._choice is None:
            return 0
        files = self.bundle.variants[self._choice.variant].files
        return sum(files[graph].bytes * BYTES_PER_FILE_BYTE for graph in tuple(self._sessions))

    def close(self) -> None:
        """Let go of the sessions. A run in flight finishes on its own reference; the next one opens them again."""
        with self._lock:
            self._sessions.clear()


class Engine:
    """The models of one process."""

    def __init__(self, names: Sequence[str | Path] = ()) -> None:
        """Know the models ``names`` (ids, folders or Hub repositories), by default the whole catalog.

        Nothing is opened yet; what comes from the Hub is fetched and verified. What was asked for by name has to be
        there; a model of the whole catalog that cannot be had is ``missing``, and the others go on.

        Raises:
            UnknownModelError, SourceError, BundleError: as :meth:`add`; or the catalog has nothing that can be had.
        """
        self._lock = threading.Lock()
        self._models: dict[str, Model] = {}
        self.missing: dict[str, str] = {}
        """Models of the catalog that cannot be had, and why."""
        for name in names:
            self.add(name)
        if not names:
            self._add_the_catalog()

    def _add_the_catalog(self) -> None:
        trouble: HubError | None = None
        for name in catalog_ids():
            try:
                self.add(name)
            except HubError as error:
                log.warning("%s is left out: %s", name, error)
                self.missing[name], trouble = str(error), trouble or error
        if trouble is not None and not self._models:
            raise trouble

    def add(self, name: str | Path, *, folders: bool = True, tried: bool = False) -> Model:
        """Know one more model. The same folder named twice is one model.

        Args:
            name: an id, a folder or a Hub repository.
            folders: whether it may be a folder of this machine.
            tried: open it first; one that cannot be opened is not known afterwards.

        Raises:
            UnknownModelError, SourceError, BundleError: as :func:`hub.weights.resolve`, or two bundles go by one id.
        """
        located = resolve(name, target(), folders=folders)
        model = Model(located)
        if tried and self._known(located) is None:
            model.warm_up()
        with self._lock:
            known = self._known(located) or model
            self._models[located.bundle.id] = known
        return known

    def _known(self, located: Resolved) -> Model | None:
        """The model that this very bundle is already.

        Raises:
            BundleError: another one has its id.
        """
        known = self._models.get(located.bundle.id)
        if known is not None and known.folder.resolve() != located.folder.resolve():
            raise BundleError(
                f"Two bundles are called '{located.bundle.id}': {known.resolved.place} and {located.place}; "
                "export one of them with another --id."
            )
        return known

    @property
    def models(self) -> dict[str, Model]:
        """Every known model by id, in the order they were named."""
        return dict(self._models)

    def model(self, model_id: str) -> Model:
        """The model ``model_id``, marked as just used; the longest unused are closed while memory is over budget.

        Raises:
            UnknownModelError: there is none of that id.
        """
        if not isinstance(model_id, str) or model_id not in self._models:
            known = ", ".join(self._models)
            raise UnknownModelError(f"There is no model {reprlib.repr(model_id)} here; there are {known}.")
        wanted = self._models[model_id]
        wanted.last_used = time.monotonic()
        self._close_the_longest_unused(besides=wanted)
        return wanted

    def _close_the_longest_unused(self, besides: Model) -> None:
        opened = [model for model in self.models.values() if model.resident_bytes]
        excess = sum(model.resident_bytes for model in opened) - settings().memory_mb * 2**20
        for model in sorted(opened, key=lambda model: model.last_used):
            if excess <= 0:
                return
            if model is not besides:
                excess -= model.resident_bytes
                model.close()

"""Models that visitors add while the hub runs: one at a time in the process, each in a thread of its own.

A model is fetched, verified and opened before anybody else sees it. What fails leaves the hub as it was.
"""

import contextlib
import logging
import reprlib
import threading

from hub.errors import HubError, RequestError
from hub.runtime.engine import Engine, Model

log = logging.getLogger("genhub")

LONGEST = 300
"""Characters in a name; a repository's own has 96 at most."""
MOST_MODELS = 100
"""No further model is added to as many: each takes its place on the disk."""


class Addition:
    """One that is under way, or over. ``progress`` goes from 0 to 1 while files travel."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.progress = 0.0
        self.over = threading.Event()
        self._model: Model | None = None
        self._failure = HubError("Something broke on our side; the log has it.")

    def tell(self, share: float) -> None:
        """Note how far it is."""
        self.progress = share

    def work(self, engine: Engine, here: bool) -> None:
        """Do it. Folders, and what only the owner's token opens, are for who sits ``here``."""
        from hub.weights.remote import as_anybody, telling  # half a second: the Hub's client

        try:
            with telling(self.tell), contextlib.nullcontext() if here else as_anybody():
                self._model = engine.add(self.name, folders=here, tried=True)
        except HubError as error:
            self._failure = error
        except Exception:
            log.exception("%s could not be added", self.name)
        finally:
            self.over.set()

    def model(self) -> Model:
        """The model, once it is over.

        Raises:
            HubError: it could not be added, and why.
        """
        self.over.wait()
        if self._model is None:
            raise self._failure
        return self._model


class Additions:
    """Those of one process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._running: Addition | None = None

    def start(self, name: object, *, here: bool) -> Addition:
        """Begin to add the model ``name``, and return at once. ``here``: who asks sits at this machine.

        Raises:
            RequestError: there is no such name, another addition is under way, or there are as many models as may be.
        """
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST:
            raise RequestError(f"Give a Hub repository as owner/name or owner/name@revision, not {reprlib.repr(name)}.")
        with self._lock:
            if self._running is not None and not self._running.over.is_set():
                raise RequestError(f"{self._running.name} is being added just now; try again when it is there.")
            if len(self._engine.models) >= MOST_MODELS:
                raise RequestError(f"This hub has {MOST_MODELS} models, and takes no more while it runs.")
            added = self._running = Addition(name.strip())
        threading.Thread(target=added.work, args=(self._engine, here), name="addition", daemon=True).start()
        return added

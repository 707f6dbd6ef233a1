"""What the tab and its endpoint have in common: a picture through a restoring model, damaged first where asked."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hub.card import listed_file
from hub.depth import Picture
from hub.errors import HubError
from hub.runtime.engine import Engine
from hub.settings import settings
from hub.tabs.choices import bundles, restores
from hub.tasks import speak
from hub.tasks.restore import Restorer, Score, peers, rescored, scores
from hub.tasks.restore import read as read_picture
from hub.tasks.translate import Progress, TranslateModel


@dataclass(frozen=True)
class Outcome:
    """``scores`` are there where the truth is known: where the picture was damaged here."""

    whole: Picture
    """As it was given, and fits the model."""
    before: Picture
    """What the model was given: that, or damaged."""
    after: Picture
    scores: tuple[Score, ...]
    damage: float
    """Level of what was done to the picture first; 0: nothing."""
    level: float | None = None
    """How much of the damage the model was told of; ``None``: nothing."""
    found: float | None = None
    """How much of it a model with a meter has found then."""
    exposure: float = 0
    """Stops that ``after`` was exposed longer by afterwards."""

    def report(self) -> dict[str, Any]:
        """The numbers in JSON's own types; ``null`` where a number is infinite or not to be had."""
        return {
            "width": self.after.pixels.shape[1],
            "height": self.after.pixels.shape[0],
            "bits": self.after.bits,
            "damage": self.damage,
            "level": self.level,
            "found": None if self.found is None else round(self.found, 3),
            "exposure": self.exposure,
            "scores": {
                each.name: {
                    "psnr": round(each.psnr, 3) if each.psnr != float("inf") else None,
                    "ssim": None if each.ssim is None else round(each.ssim, 4),
                }
                for each in self.scores
            },
            "notes": list(self.after.notes),
        }


def restorer(engine: Engine, model: str) -> Restorer:
    """The restoring model with the id ``model``.

    Raises:
        UnknownModelError: there is none.
        BundleError: it restores nothing.
    """
    return Restorer(speak(engine.model(model), TranslateModel))


def read(path: Path, model: Restorer | None = None) -> Picture:
    """The picture in a file as ``model`` takes it, if this hub takes one of its size.

    Raises:
        RequestError: no picture, a damaged one, or too large a one.
    """
    return read_picture(path, settings().max_megapixels * 10**6, model.kind if model else None)


def restore(
    model: Restorer, picture: Picture, damage: object, seed: object, progress: Progress, level: object = None
) -> Outcome:
    """``picture`` restored; with ``damage`` above 0 it is damaged first, and the outcome measured. ``level``: what the
    model is told of it.

    Raises:
        RequestError: an argument is out of range, or the picture too large for the model.
    """
    whole = model.accepted(picture)
    damaged = model.damaged(whole, damage, seed)
    done, told = float(str(damage)), model.level(level)
    before = damaged if done else whole
    after = model.restore(before, progress, told)
    own = scores(whole, before, after, model.kind, told) if done else ()
    found = model.metered(before) if model.has_meter and told is None else None
    return Outcome(whole, before, after, tuple(own), done, told, found)


def compared(outcome: Outcome, engine: Engine, model: Restorer) -> Outcome:
    """``outcome``, of ``model``, with the scores of classical baselines and of other models of ``engine`` beside its
    own; as it is where nothing was measured.
    """
    if not outcome.damage:
        return outcome
    others = _others(engine, model, outcome.damage)
    beside = peers(outcome.whole, outcome.before, model.kind, outcome.damage, others)
    return replace(outcome, scores=(*outcome.scores, *beside))


def exposed(outcome: Outcome, model: Restorer, stops: float) -> Outcome:
    """``outcome``, of ``model``, with its picture exposed longer by so many ``stops``, measured again where it was.

    Raises:
        RequestError: as :meth:`hub.tasks.restore.Restorer.exposed`.
    """
    after = model.exposed(outcome.after, stops)
    if after is outcome.after:
        return outcome
    found = rescored(outcome.scores, outcome.whole, after, model.kind)
    return replace(outcome, after=after, scores=tuple(found), exposure=stops)


class Recent:
    """The last few outcomes by what was asked for, so that another exposure of one is there at once. Who asks for one
    that is in the making waits for it.
    """

    def __init__(self, most: int) -> None:
        """Keep ``most`` of them: each holds up to three pictures, which may be large."""
        self._most, self._lock = most, threading.Lock()
        self._outcomes: OrderedDict[Hashable, Future[Outcome]] = OrderedDict()

    def known(self, asked: Hashable) -> Outcome | None:
        """The outcome of what was ``asked``, where it is kept and ready."""
        with self._lock:
            future = self._outcomes.get(asked)
        return future.result() if future and future.done() and not future.exception() else None

    def __call__(self, asked: Hashable, make: Callable[[], Outcome]) -> Outcome:
        """The outcome of what was ``asked``, which ``make`` finds where it is not known. Where that fails, so do all
        who wait for it, and whoever asks next tries again.
        """
        with self._lock:
            known = self._outcomes.get(asked)
            future = known or Future[Outcome]()
            self._outcomes[asked] = future
            self._outcomes.move_to_end(asked)
            while len(self._outcomes) > self._most:
                self._outcomes.popitem(last=False)
        if known is None:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
                with self._lock:
                    self._outcomes.pop(asked, None)
        return future.result()


def _others(engine: Engine, model: Restorer, level: float) -> dict[str, Restorer]:
    """By id the other models that undo the same damage of this ``level``."""
    found = {}
    for name, bundle in bundles(engine, restores).items():
        damage = bundle.restores
        alike = damage and damage.kind == model.damage.kind and damage.lowest <= level <= damage.highest
        if alike and bundle.id != model.bundle.id:
            with suppress(HubError):  # one that cannot be opened says so where it is asked for
                found[name] = restorer(engine, name)
    return found


def stem(path: Path) -> str:
    """The beginning of a download's name: that of the upload, as far as it is safe and short."""
    kept = "".join(each for each in path.stem if each.isalnum() or each in "-_")[:60]
    return kept or "picture"


def clean_examples(model: Restorer) -> list[Path]:
    """Pictures of the bundle to try it on, a sheet of many first: the clean ones, where the bundle has these."""
    bundle, folder = model.bundle, model.model.model.folder
    for kind in ("targets/", "examples/"):
        listed = sorted(file.path for file in bundle.files if file.path.startswith(kind) and file.path.endswith(".png"))
        if listed:
            listed.sort(key=lambda path: not path.endswith("/sheet.png"))
            found = (listed_file(bundle, folder, path) for path in listed)
            return [path for path in found if path]
    return []


def are_clean(model: Restorer) -> bool:
    """Whether the examples are undamaged, so that there is a truth to measure against."""
    return any(file.path.startswith("targets/") for file in model.bundle.files)

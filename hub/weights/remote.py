"""Bundles on the Hugging Face Hub, through its own client and into its own cache.

A commit is immutable: what the cache has of a pinned revision is used without a word over the network. What is missing
is asked for by name, the manifest first, so that the same files are wanted online and offline, and nothing but the
wanted variant is fetched. The client takes a broken transfer up where it stopped and renames a file only once it is
whole (what was stopped begins that file anew, and keeps those that came); on top of that this retries what passes by
itself (5xx, a dropped connection). The commit that a branch meant is remembered once all of it is verified: until then
the one before is there to go back to.

A token comes from ``HF_TOKEN`` or the client's own store and goes into a header; it is never seen here.
"""

import errno
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import HfApi, ModelInfo, RepoFile, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import tqdm

from hub.contract import MANIFEST, File
from hub.errors import BundleError, NoBundleError, SourceError

log = logging.getLogger("genhub")

COMMIT = re.compile(r"[0-9a-f]{40}")
NAME = re.compile(r"(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(@(?!/)(?!.*\.\.)(?P<revision>[\w./-]{1,128}))?", re.ASCII)
"""The client keeps what a revision means in a file of that name; Git, too, has none with two dots in a row."""
MAX_MANIFEST_BYTES = 4_000_000
WAITS = (0.5, 1.5, 4.0)
"""Seconds before each further attempt."""
PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})
PASSING = frozenset({"ReadError", "WriteError", "RemoteProtocolError", "ReadTimeout", "WriteTimeout", "PoolTimeout"})
"""By name: the client passes on the exceptions of whichever HTTP library it stands on."""
PIECE = constants.DOWNLOAD_CHUNK_SIZE = 1 << 20
"""What the client writes at a time. With its own ten megabytes a transfer that breaks sooner would begin anew, again
and again, and progress would come in leaps."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Place:
    """A repository of the Hub at a revision: a commit, a tag or a branch."""

    repo: str
    revision: str = "main"

    @property
    def pinned(self) -> bool:
        return COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision[:12] if self.pinned else self.revision}"


@dataclass(frozen=True)
class Snapshot:
    """One commit of a repository in the cache, with its manifest at least."""

    repo: str
    commit: str
    folder: Path
    note: str = ""
    """A sentence, where it is not simply what the Hub has now."""


def place_named(name: str) -> Place | None:
    """The repository that ``owner/name`` or ``owner/name@revision`` means; ``None`` for what cannot be one."""
    found = NAME.fullmatch(name)
    return Place(found["repo"], found["revision"] or "main") if found else None


def find(place: Place, *, again: bool = False) -> Snapshot:
    """The commit that ``place`` means, with its manifest in the cache.

    A pinned revision that is in the cache is not asked for. ``again`` fetches the manifest anew.

    Raises:
        NoBundleError: the repository has no manifest.
        SourceError: the Hub does not have it, does not give it, or cannot be reached.
    """
    commit = place.revision if place.pinned else str(ask_about(place).sha)
    there = try_to_load_from_cache(place.repo, MANIFEST, revision=commit)
    if isinstance(there, str) and not again:
        return Snapshot(place.repo, commit, Path(there).parent)
    exactly = Place(place.repo, commit)
    look_at(exactly, {MANIFEST: None})
    return Snapshot(place.repo, commit, download(exactly, MANIFEST, again=again).parent)


def last_good(place: Place, note: str = "") -> Snapshot | None:
    """The commit that a branch or tag meant when all of it was verified last, out of the cache; ``note`` says why."""
    there = None if place.pinned else try_to_load_from_cache(place.repo, MANIFEST, revision=place.revision)
    if not isinstance(there, str):
        return None
    return Snapshot(place.repo, Path(there).parent.name, Path(there).parent, note)


def remember(place: Place, snapshot: Snapshot) -> None:
    """Have the client note that ``place`` means this commit, all of which has been verified."""
    known = last_good(place)
    if not place.pinned and (known is None or known.commit != snapshot.commit):
        with suppress(Exception):  # nothing is fetched, yet the client asks; unanswered, it is noted next time
            _download(place, MANIFEST, again=False)


def ask_about(place: Place) -> ModelInfo:
    """What the Hub says of a repository: its commit, the names of its files, what its card's header holds.

    Raises:
        SourceError: it does not have it, does not give it, or cannot be reached.
    """
    return _ask(place, lambda: _api().model_info(place.repo, revision=place.revision, timeout=10))


def describe(place: Place, paths: Sequence[str]) -> dict[str, RepoFile]:
    """Size and hash of those of ``paths`` that the repository has, by path; nothing of them is fetched.

    Raises:
        SourceError: as :func:`ask_about`.
    """
    infos = _ask(place, lambda: _api().get_paths_info(place.repo, list(paths), revision=place.revision))
    return {info.path: info for info in infos if isinstance(info, RepoFile)}


def download(place: Place, path: str, *, again: bool = False) -> Path:
    """One file in the cache, unverified.

    Raises:
        SourceError: as :func:`fetch`.
    """
    return Path(_ask(place, lambda: _download(place, path, again)))


_told: ContextVar[Callable[[float], object] | None] = ContextVar("told", default=None)


@contextmanager
def telling(told: Callable[[float], object]) -> Iterator[None]:
    """Have ``told`` be called with the share of the bytes that is there, 0 to 1, while this thread fetches files."""
    token = _told.set(told)
    try:
        yield
    finally:
        _told.reset(token)


_nobody_special: ContextVar[bool] = ContextVar("nobody_special", default=False)


@contextmanager
def as_anybody() -> Iterator[None]:
    """Ask without the owner's token in this thread: for visitors who are not the owner."""
    token = _nobody_special.set(True)
    try:
        yield
    finally:
        _nobody_special.reset(token)


def must_be_shown(place: Place) -> None:
    """For somebody who is not the owner: see that the Hub shows ``place`` to everybody, whatever the cache has of it.

    Raises:
        SourceError: it does not.
    """
    if _nobody_special.get():
        ask_about(place)


def _token() -> bool | None:
    """``False`` sends none, ``None`` the owner's, where there is one."""
    return False if _nobody_special.get() else None


class _Counted(tqdm):
    """A progress bar that nobody sees: it only counts."""

    count: Callable[[float], object]

    def __init__(self, *args: Any, **how: Any) -> None:
        super().__init__(*args, **{**how, "disable": True})  # type: ignore[no-untyped-call]

    def update(self, n: float | None = 1) -> None:
        type(self).count(n or 0)


def _counter(total: int) -> type[tqdm] | None:
    """The bar of one :func:`fetch`; the client's own where nobody wants to be told."""
    if (told := _told.get()) is None:
        return None
    come = 0.0

    def count(number: float) -> None:
        nonlocal come
        come += number
        told(min(1.0, come / max(1, total)))

    return type("_CountedHere", (_Counted,), {"count": staticmethod(count)})


def fetch(snapshot: Snapshot, files: Sequence[File], *, again: bool = False) -> None:
    """Bring ``files`` into the cache, as far as they are not there; ``again`` brings them anyway.

    Raises:
        SourceError: the Hub does not give them, or the disk is full. No half of a file is left under its name.
        BundleError: what the Hub has is not what the manifest says.
    """
    place = Place(snapshot.repo, snapshot.commit)
    missing: dict[str, File | None] = {
        file.path: file
        for file in files
        if again or not isinstance(try_to_load_from_cache(place.repo, file.path, revision=place.revision), str)
    }
    if not missing:
        return
    look_at(place, missing)
    total = sum(file.bytes for file in files if file.path in missing)
    what = "1 file" if len(missing) == 1 else f"{len(missing)} files"
    log.info("Fetching %s, %.1f MB, from %s", what, total / 1e6, place)
    bar = _counter(total)
    for path in missing:
        _ask(place, partial(_download, place, path, again, bar))


def look_at(place: Place, wanted: dict[str, File | None]) -> None:
    """Compare what the Hub says of the files with what the manifest says, without fetching a byte of them.

    Raises:
        SourceError: one is not there, or the Hub does not answer.
        BundleError: one has another size or content. Of small files, which Git keeps itself, only the size is known.
    """
    there = describe(place, list(wanted))
    for path, file in wanted.items():
        _check(place, path, file, there.get(path))


def _download(place: Place, path: str, again: bool, bar: type[tqdm] | None = None) -> str:
    return hf_hub_download(
        place.repo,
        path,
        revision=place.revision,
        force_download=again,
        library_name="generative-hub",
        token=_token(),
        tqdm_class=bar,
    )


def _check(place: Place, path: str, file: File | None, info: RepoFile | None) -> None:
    if info is None and path == MANIFEST:
        raise NoBundleError(f"{place} is no bundle: it has no {path}.")
    if info is None:
        raise SourceError(f"{place} is incomplete: it has no {path}.")
    if file is None and info.size > MAX_MANIFEST_BYTES:
        raise BundleError(f"{place} is refused: its {path} has {info.size:,} bytes.")
    if file is not None and (info.size != file.bytes or (info.lfs is not None and info.lfs.sha256 != file.sha256)):
        raise BundleError(f"{place} is damaged: its {path} is not the file that the manifest describes.")


def _api() -> HfApi:
    return HfApi(library_name="generative-hub", token=_token())


def _ask(place: Place, call: Callable[[], Answer]) -> Answer:
    """The answer to ``call``, after some patience.

    Raises:
        SourceError: in our words; the client's own hold addresses, and lines of advice for programmers.
    """
    waits = list(WAITS)
    while True:
        try:
            return call()
        except Exception as error:  # the client's own, its HTTP library's, the system's
            if not waits or not _passes(error):
                raise in_words(error, place) from None
            wait = waits.pop(0)
            log.warning("%s: %s; again in %.1f s", place, in_words(error, place), wait)
            time.sleep(wait)


def _passes(error: Exception) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in PASSING_STATUS
    return type(error).__name__ in PASSING or "Consistency check failed" in str(error)


def in_words(error: Exception, place: Place) -> SourceError:
    """One sentence for whatever the client raised about ``place``."""
    host = re.sub(r"^https?://([^/@]*@)?", "", _api().endpoint)  # a password may stand before it
    if isinstance(error, LocalEntryNotFoundError | ValueError) and isinstance(error.__cause__, Exception):
        return in_words(error.__cause__, place)  # the client's summary of what went wrong just before
    if isinstance(error, GatedRepoError):
        return SourceError(f"{place.repo} is gated: ask for access on its page at {host}, and set HF_TOKEN.")
    if isinstance(error, RepositoryNotFoundError):
        return SourceError(f"{host} has no repository {place.repo} to show; if it is private, set HF_TOKEN.")
    if isinstance(error, RevisionNotFoundError):
        return SourceError(f"{place.repo} has no revision {place.revision}.")
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in (401, 403):
            return SourceError(f"{host} does not let us have {place.repo} (status {status}); set HF_TOKEN.")
        return SourceError(f"{host} cannot give {place.repo} at present (status {status}).")
    if isinstance(error, OfflineModeIsEnabled):
        return SourceError(f"HF_HUB_OFFLINE keeps the Hub from being asked for {place}.")
    if isinstance(error, LocalEntryNotFoundError):
        return SourceError(f"{host} cannot be reached, and {place} is not in the cache.")
    if isinstance(error, EntryNotFoundError):
        return SourceError(f"{place} lacks a file that its manifest names.")
    if isinstance(error, HFValidationError):
        return SourceError(f"{place.repo} is no name of a repository: it has to be owner/name.")
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return SourceError(f"The disk is full: {place} could not be fetched; free some space and try again.")
    if isinstance(error, OSError) and error.errno is not None:
        return SourceError(f"{place} could not be fetched: {error.strerror}.")
    kind = type(error).__name__
    if kind in PASSING or "Connect" in kind or "Timeout" in kind or "Proxy" in kind:
        return SourceError(f"{host} cannot be reached, or broke off ({kind}).")
    log.debug("%s", place, exc_info=error)
    return SourceError(f"The Hub's client cannot make sense of {place} ({kind}).")

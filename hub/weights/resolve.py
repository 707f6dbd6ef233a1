"""A name becomes a bundle on disk: which of its sources gave it, and why that one.

In this order: a folder that was named; the Hugging Face Hub, at the catalog's pinned revision; what ships with the
package. Where a source fails, or what it has is not what it should be, the next one is used and the reason says so:
another source of the catalog, or what the cache has of the same repository from before.
A repository of the Hub that is no bundle is opened by an adapter, where one fits (``foreign``).
"""

import contextlib
import hashlib
import logging
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hub.adapters import Adapter
from hub.catalog import EMBEDDED, Entry, catalog
from hub.contract import GOLDEN, MANIFEST, POINTS, Bundle, File, Target, VariantName, read_bundle
from hub.errors import BundleError, HubError, NoBundleError, RequestError, UnknownModelError
from hub.settings import settings
from hub.weights.verify import check_size, fingerprint, verify, verify_file

if TYPE_CHECKING:  # the client takes half a second to import; who has only folders does without
    from hub.weights.foreign import Adapted
    from hub.weights.remote import Place, Snapshot

log = logging.getLogger("genhub")

SHOWN = frozenset({".md", ".png", ".jpg", ".jpeg", ".webp", ".json", ".txt"})
"""Suffixes of the files beside the graphs that serving has a use for: card, pictures, tokenizer."""
NOT_SERVED = frozenset({GOLDEN, "config.json"})


@dataclass(frozen=True)
class Resolved:
    """A bundle found: its manifest, its folder, and which source gave it."""

    bundle: Bundle
    folder: Path
    source: Literal["folder", "hub", "embedded"]
    reason: str
    """A sentence for people: where this copy is from, and why not from elsewhere."""
    snapshot: "Snapshot | None" = field(default=None, repr=False)
    adapter: Adapter | None = field(default=None, repr=False)
    """How its graphs are spoken to, where they do not speak the contract themselves."""

    @property
    def place(self) -> str:
        """Where this copy is, for people."""
        if self.snapshot is None:
            return "the one that ships with the package" if self.source == "embedded" else str(self.folder)
        return f"{self.snapshot.repo}@{self.snapshot.commit[:12]}"

    @property
    def fingerprint(self) -> str:
        """The sha256 of the manifest, which stands for the whole bundle. Of an adapted model it is in no file."""
        if self.adapter is None:
            return fingerprint(self.folder)
        return hashlib.sha256(f"{self.bundle.to_json()}{self.adapter.model_dump_json()}".encode()).hexdigest()

    def require_bundle(self) -> None:
        """Refuse what only graphs that speak the contract can give: a ZIP that is a bundle, code that runs it.

        Raises:
            RequestError: the model is adapted.
        """
        if self.adapter is not None:
            raise RequestError(
                f"'{self.bundle.id}' is adapted: its graphs have ways of their own, which only this hub translates; "
                f"take its files from {self.bundle.training['repo']} and see the card there."
            )

    def fetch(self, variant: VariantName) -> None:
        """Have what serving ``variant`` needs on disk, and verified. Only the Hub's files have to be fetched.

        Raises:
            BundleError: a file is missing or not what the manifest says.
            SourceError: the Hub does not give it.
        """
        if variant not in self.bundle.variants:
            has = ", ".join(self.bundle.variants)
            raise BundleError(f"'{self.bundle.id}' has no variant {variant}: it has {has}.")
        check_size(self.bundle, variant)
        self.bring(self.served(variant))
        verify(self.folder, self.bundle, variant)

    def fetch_whole(self, variant: VariantName | None = None) -> None:
        """Have everything on disk that the manifest lists: of ``variant`` and beside it, or of all variants.

        Raises:
            BundleError, SourceError: as :meth:`fetch`.
        """
        for name in self.bundle.variants if variant is None else [variant]:
            check_size(self.bundle, name)
            self.bring(self.bundle.all_files(name))

    def bring(self, files: Sequence[File]) -> None:
        """Fetch those of the manifest's ``files`` that are not on disk; one that is damaged is fetched once more.

        Raises:
            BundleError, SourceError: as :meth:`fetch`.
        """
        if self.snapshot is None:
            return
        from hub.weights import remote

        remote.fetch(self.snapshot, files)
        for file in files:
            try:
                verify_file(self.folder, self.bundle, file)
            except BundleError:
                remote.fetch(self.snapshot, [file], again=True)
                verify_file(self.folder, self.bundle, file)

    def served(self, variant: VariantName) -> list[File]:
        """What serving ``variant`` needs: its graphs, and beside them card, pictures and tokenizer."""
        beside = [
            file
            for file in self.bundle.files
            if file.path == POINTS or (Path(file.path).suffix.lower() in SHOWN and file.path not in NOT_SERVED)
        ]
        graphs = {file.path: file for file in self.bundle.variants[variant].files.values()}
        return [*graphs.values(), *(file for file in beside if file.path not in graphs)]


def resolve(
    name: str | Path, target: Target = "cpu", variant: VariantName | None = None, *, folders: bool = True
) -> Resolved:
    """The bundle called ``name``: an id of the catalog, a bundle's folder, or a Hub repository as ``owner/name`` or
    ``owner/name@revision``.

    From the Hub comes ``variant``, or else the one that ``target`` runs by default (or ``GENHUB_VARIANT``); others when
    :meth:`Resolved.fetch` is asked for them. Without ``folders``, a name is never one of this machine's.

    Raises:
        UnknownModelError: none of these.
        SourceError: the Hub does not give it, and there is no other copy.
        BundleError: its manifest is missing or breaks the contract, or a fetched file is not what it should be.
    """
    text = str(name)
    wish = _Wish(target, variant)
    if text in catalog():
        return _from_catalog(text, catalog()[text], wish._replace(model_id=text))
    with contextlib.suppress(OSError, RuntimeError):  # a name too long for a path, the home of nobody
        folder = Path(name).expanduser()
        if folders and folder.is_dir():
            return Resolved(read_bundle(folder), folder, "folder", "The folder that was named.")
    if isinstance(name, str) and "/" in name:
        from hub.weights.remote import place_named

        if (place := place_named(name)) is not None:
            return _from_hub(_meant(name, place), wish)
    raise UnknownModelError(
        f"There is no model {reprlib.repr(text)}: give one of {', '.join(catalog())}, "
        f"{f'a folder that holds a {MANIFEST}, ' if folders else ''}or a Hub repository as owner/name."
    )


def wanted_variant(bundle: Bundle, target: Target) -> VariantName:
    """The variant that ``GENHUB_VARIANT`` asks for, else the bundle's default for ``target``.

    Raises:
        BundleError: the bundle does not have it.
    """
    wanted = settings().variant
    if wanted == "auto":
        return bundle.defaults.get(target, "fp32")
    if wanted not in bundle.variants:
        has = ", ".join(bundle.variants)
        raise BundleError(f"GENHUB_VARIANT is '{wanted}', but '{bundle.id}' has only {has}.")
    return wanted


class _Wish(NamedTuple):
    """What is wanted of a bundle, wherever it comes from."""

    target: Target
    variant: VariantName | None
    model_id: str | None = None
    """The id that it has to have."""
    pin: str | None = None
    """The sha256 that its manifest has to have."""

    def of(self, bundle: Bundle) -> VariantName:
        """The variant to fetch."""
        return self.variant or wanted_variant(bundle, self.target)


def _from_catalog(model_id: str, entry: Entry, wish: _Wish) -> Resolved:
    """From the first of the entry's sources that gives what it should. One that has another behind it is verified here;
    the last is taken as it is, so that its own trouble is what one hears of.
    """
    trouble: list[str] = []

    def taken(found: Resolved) -> Resolved:
        if not trouble:
            return found
        what = "copy that ships with the package" if found.source == "embedded" else f"copy of {found.place}"
        reason = " ".join([*trouble, f"The {what} is used instead."])
        log.warning("%s: %s", model_id, reason)
        return replace(found, reason=reason)

    others = entry.embedded or entry.repo is not None
    if entry.folder is not None:
        try:
            found = Resolved(read_bundle(entry.folder), entry.folder, "folder", "The folder that the catalog names.")
            if others:
                found.fetch(wish.of(found.bundle))
            return found
        except HubError as error:
            if not others:
                raise
            trouble.append(str(error))
    shipped = EMBEDDED / model_id
    if (repo := entry.repository(model_id, settings().namespace)) is not None:
        from hub.weights.remote import Place

        place = Place(*repo)
        if entry.adapter is not None and place.repo == entry.repo:
            return _adapted(place, wish, entry.adapter)
        pin = entry.manifest if place.repo == entry.repo else None
        try:
            if entry.embedded and pin is not None and fingerprint(shipped) == pin:
                why = f"It ships with the package and equals {place}."
                found = Resolved(read_bundle(shipped), shipped, "embedded", why)
                found.fetch(wish.of(found.bundle))
                return taken(found)
        except HubError as error:
            trouble.append(str(error))
        try:
            return taken(_from_hub(place, wish._replace(pin=pin)))
        except HubError as error:
            if not entry.embedded:
                raise
            trouble.append(str(error))
    return taken(Resolved(read_bundle(shipped), shipped, "embedded", "It ships with the package."))


def _from_hub(place: "Place", wish: _Wish) -> Resolved:
    """What the Hub has now. Where that cannot be had, or is not what it should be: what the cache has of it."""
    from hub.weights import foreign, remote

    remote.must_be_shown(place)
    if foreign.is_known(place):
        return _adapted(place, wish)
    try:
        return _as_it_is(place, wish)
    except HubError as error:
        with contextlib.suppress(HubError):
            if (kept := _as_it_was(place, wish, f"{error} The copy in the cache is used.")) is not None:
                log.warning("%s", kept.reason)
                return kept
        raise


def _as_it_is(place: "Place", wish: _Wish) -> Resolved:
    """A bundle, or else a model that an adapter opens."""
    from hub.weights import remote

    try:
        snapshot = remote.find(place)
    except NoBundleError:
        return _adapted(place, wish)
    found = _verified(snapshot, place, wish)
    remote.remember(place, snapshot)
    return found


def _as_it_was(place: "Place", wish: _Wish, note: str) -> Resolved | None:
    """What a branch or tag meant when all of it was verified last; ``note`` says why it is used."""
    from hub.weights import foreign, remote

    if (kept := remote.last_good(place, note)) is not None:
        return _verified(kept, place, wish)
    known = foreign.met_before(place, wish.model_id, note=note)
    return None if known is None else _opened(known, wish)


def _verified(snapshot: "Snapshot", place: "Place", wish: _Wish) -> Resolved:
    from hub.weights import remote

    commit = remote.Place(place.repo, snapshot.commit)
    try:
        bundle = _manifest(snapshot.folder, place, wish)
    except BundleError:  # the cache's copy may have suffered: one more chance, and what the Hub has now stands
        snapshot = replace(remote.find(commit, again=True), note=snapshot.note)
        bundle = _manifest(snapshot.folder, place, wish)
    found = Resolved(bundle, snapshot.folder, "hub", snapshot.note or f"From the Hub: {commit}.", snapshot)
    found.fetch(wish.of(bundle))
    return found


def _manifest(folder: Path, place: "Place", wish: _Wish) -> Bundle:
    if wish.pin is not None and fingerprint(folder) != wish.pin:
        raise BundleError(f"{place} is refused: its {MANIFEST} is not the one that the catalog pins.")
    bundle = read_bundle(folder)
    if wish.model_id not in (None, bundle.id):
        raise BundleError(f"{place} is refused: it holds the bundle '{bundle.id}', not '{wish.model_id}'.")
    return bundle


def _meant(name: str, place: "Place") -> "Place":
    """``place``, at the revision that its name means where the name says none and an adapter knows it."""
    from hub.weights import foreign

    return (None if "@" in name else foreign.pinned(place.repo)) or place


def _adapted(place: "Place", wish: _Wish, kind: str | None = None) -> Resolved:
    from hub.weights import foreign

    return _opened(foreign.adapt(place, wish.model_id, kind), wish)


def _opened(adapted: "Adapted", wish: _Wish) -> Resolved:
    from hub.weights import foreign, remote

    snapshot = adapted.snapshot
    where = remote.Place(snapshot.repo, snapshot.commit)
    reason = snapshot.note or f"From the Hub: {where}, no bundle, adapted as {adapted.kind}."
    found = Resolved(adapted.bundle, snapshot.folder, "hub", reason, snapshot, adapted.adapter)
    chosen = wish.of(found.bundle)
    found.fetch(chosen)
    return replace(found, bundle=foreign.complete(adapted, chosen).bundle)

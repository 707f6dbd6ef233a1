"""A name becomes a bundle on disk: which of its sources gave it, and why that one.

In this order: a folder that was named; the Hugging Face Hub, at the catalog's pinned revision; what ships with the
package. Where a source fails, or what it has is not what it should be, the next one is used and the reason says so.
A repository of the Hub that is no bundle is opened by an adapter, where one fits (``foreign``).
"""

import contextlib
import hashlib
import reprlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hub.adapters import Adapter
from hub.catalog import EMBEDDED, Entry, catalog
from hub.contract import GOLDEN, MANIFEST, POINTS, Bundle, File, Target, VariantName, read_bundle
from hub.errors import BundleError, HubError, NoBundleError, RequestError, SourceError, UnknownModelError
from hub.settings import settings
from hub.weights.verify import check_size, fingerprint, verify, verify_file

if TYPE_CHECKING:  # the client takes half a second to import; who has only folders does without
    from hub.weights.foreign import Adapted
    from hub.weights.remote import Place, Snapshot

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
        """Have the files of ``variant`` on disk, and verified. Only the Hub's have to be fetched.

        A cached file that is damaged is fetched once more.

        Raises:
            BundleError: a file is missing or not what the manifest says.
            SourceError: the Hub does not give it.
        """
        if variant not in self.bundle.variants:
            has = ", ".join(self.bundle.variants)
            raise BundleError(f"'{self.bundle.id}' has no variant {variant}: it has {has}.")
        if self.snapshot is not None:
            from hub.weights import remote

            check_size(self.bundle, variant)
            files = self.served(variant)
            remote.fetch(self.snapshot, files)
            for file in files:
                try:
                    verify_file(self.folder, self.bundle, file)
                except BundleError:
                    remote.fetch(self.snapshot, [file], again=True)
                    verify_file(self.folder, self.bundle, file)
        verify(self.folder, self.bundle, variant)

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
    if text in catalog():
        return _from_catalog(text, catalog()[text], target, variant)
    with contextlib.suppress(OSError, RuntimeError):  # a name too long for a path, the home of nobody
        folder = Path(name).expanduser()
        if folders and folder.is_dir():
            return Resolved(read_bundle(folder), folder, "folder", "The folder that was named.")
    if isinstance(name, str) and "/" in name:
        from hub.weights.remote import place_named

        if (place := place_named(name)) is not None:
            return _from_hub(_meant(name, place), target, variant)
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


def _from_catalog(model_id: str, entry: Entry, target: Target, variant: VariantName | None) -> Resolved:
    if entry.folder is not None:
        return Resolved(read_bundle(entry.folder), entry.folder, "folder", "The folder that the catalog names.")
    shipped, why = EMBEDDED / model_id, "It ships with the package."
    if (repo := entry.repository(model_id, settings().namespace)) is not None:
        from hub.weights.remote import Place

        place = Place(*repo)
        if entry.adapter is not None and place.repo == entry.repo:
            return _adapted(place, target, variant, model_id, entry.adapter)
        pin = entry.manifest if place.repo == entry.repo else None
        if entry.embedded and pin is not None and fingerprint(shipped) == pin:
            return Resolved(read_bundle(shipped), shipped, "embedded", f"It ships with the package and equals {place}.")
        try:
            return _from_hub(place, target, variant, model_id, pin)
        except HubError as error:
            if not entry.embedded:
                raise
            why = f"{error} The copy that ships with the package is used instead."
    return Resolved(read_bundle(shipped), shipped, "embedded", why)


def _from_hub(
    place: "Place",
    target: Target,
    variant: VariantName | None,
    model_id: str | None = None,
    pin: str | None = None,
) -> Resolved:
    from hub.weights import foreign, remote

    remote.must_be_shown(place)
    if foreign.is_known(place):
        return _adapted(place, target, variant, model_id)
    try:
        snapshot = remote.find(place)
    except NoBundleError:
        return _adapted(place, target, variant, model_id)
    except SourceError as error:
        if (known := foreign.met_before(place, model_id, note=f"{error} The copy in the cache is used.")) is None:
            raise
        return _opened(known, target, variant)
    try:
        bundle = _manifest(snapshot.folder, place, model_id, pin)
    except BundleError:  # the cache's copy may have suffered: one more chance, and what the Hub has now stands
        snapshot = remote.find(remote.Place(place.repo, snapshot.commit), again=True)
        bundle = _manifest(snapshot.folder, place, model_id, pin)
    reason = snapshot.note or f"From the Hub: {remote.Place(place.repo, snapshot.commit)}."
    found = Resolved(bundle, snapshot.folder, "hub", reason, snapshot)
    found.fetch(variant or wanted_variant(bundle, target))
    return found


def _meant(name: str, place: "Place") -> "Place":
    """``place``, at the revision that its name means where the name says none and an adapter knows it."""
    from hub.weights import foreign

    return (None if "@" in name else foreign.pinned(place.repo)) or place


def _adapted(
    place: "Place", target: Target, variant: VariantName | None, model_id: str | None = None, kind: str | None = None
) -> Resolved:
    from hub.weights import foreign

    return _opened(foreign.adapt(place, model_id, kind), target, variant)


def _opened(adapted: "Adapted", target: Target, variant: VariantName | None) -> Resolved:
    from hub.weights import foreign, remote

    snapshot = adapted.snapshot
    where = remote.Place(snapshot.repo, snapshot.commit)
    reason = snapshot.note or f"From the Hub: {where}, no bundle, adapted as {adapted.kind}."
    found = Resolved(adapted.bundle, snapshot.folder, "hub", reason, snapshot, adapted.adapter)
    chosen = variant or wanted_variant(found.bundle, target)
    found.fetch(chosen)
    return replace(found, bundle=foreign.complete(adapted, chosen).bundle)


def _manifest(folder: Path, place: "Place", model_id: str | None, pin: str | None) -> Bundle:
    if pin is not None and fingerprint(folder) != pin:
        raise BundleError(f"{place} is refused: its {MANIFEST} is not the one that the catalog pins.")
    bundle = read_bundle(folder)
    if model_id is not None and bundle.id != model_id:
        raise BundleError(f"{place} is refused: it holds the bundle '{bundle.id}', not '{model_id}'.")
    return bundle

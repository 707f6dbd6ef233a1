"""Public repositories that are no bundles of ours, opened as if they were: an adapter says what their graphs are called
and how they look (``hub.adapters``), the Hub says what their files weigh and hash to, and both together make a
manifest.

From then on all is as with a bundle: sizes are capped before anything is fetched, every file is checked against the
manifest, graphs with weights elsewhere or with operators of their own are refused. The manifest of a commit is kept in
``<cache>/adapted``, so that what is on the disk opens without a word over the network.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from huggingface_hub import ModelInfo, RepoFile, constants

from hub import files as whole_files
from hub.adapters import Adapter, Number
from hub.catalog import adapters
from hub.contract import FILE_SUFFIX, TASKS, Bundle, File, Graph, Port, VariantName, parse_bundle
from hub.errors import BundleError, HubError, RequestError, SourceError
from hub.settings import settings
from hub.weights import remote
from hub.weights.graphs import About, look_into
from hub.weights.remote import Place, Snapshot

CARD = "README.md"
MAX_SMALL_BYTES = 16_000_000
"""Of a file that Git keeps itself; the Hub wants larger ones elsewhere."""
LARGEST = 65_536
"""Pixels a side, or numbers in an embedding: no real model comes near it."""


@dataclass(frozen=True)
class Adapted:
    """A manifest made for a commit of somebody else's repository, and the adapter that speaks to its graphs."""

    bundle: Bundle
    adapter: Adapter
    kind: str
    """The adapter's name."""
    snapshot: Snapshot


def pinned(repo: str) -> Place | None:
    """The revision that the plain name of a well-known repository means."""
    revisions = [adapter.pins[repo] for adapter in adapters().values() if repo in adapter.pins]
    return Place(repo, revisions[0]) if revisions else None


def is_known(place: Place) -> bool:
    """Whether it is sure, without asking anybody, that ``place`` is no bundle but a model that an adapter opens."""
    pins = {(repo, revision) for adapter in adapters().values() for repo, revision in adapter.pins.items()}
    return (place.repo, place.revision) in pins or (place.pinned and met_before(place) is not None)


def adapt(place: Place, model_id: str | None = None, kind: str | None = None) -> Adapted:
    """The model in the repository ``place``, with the adapter called ``kind`` or else the first that fits. Of its files
    only the small ones that say what it is are fetched.

    Raises:
        SourceError: the Hub does not give it, or no adapter fits.
        BundleError: what it holds is not what the adapter describes.
    """
    if place.pinned and (known := met_before(place, model_id, kind)) is not None:
        return known
    info = remote.ask_about(place)
    commit = Place(place.repo, str(info.sha))
    return met_before(commit, model_id, kind) or _met(commit, info, model_id, kind)


def complete(adapted: Adapted, variant: VariantName) -> Adapted:
    """``adapted`` with what only its graphs can tell, once those of ``variant`` are on the disk and verified; from now
    on it is remembered.

    Raises:
        BundleError: one of them is broken.
    """
    bundle = adapted.bundle
    if any(each.opset for each in bundle.variants.values()):
        return adapted
    about = [_looked_into(adapted, file) for file in bundle.variants[variant].files.values()]
    # One export made all variants, so one look is enough.
    seen = {"opset": max(each.opset for each in about), "ir_version": max(each.ir_version for each in about)}
    variants = {name: each.model_copy(update=seen) for name, each in bundle.variants.items()}
    parameters = sum(each.parameters for each in about)
    found = Adapted(
        bundle.model_copy(update={"variants": variants, "parameters": parameters}),
        adapted.adapter,
        adapted.kind,
        adapted.snapshot,
    )
    with contextlib.suppress(OSError, RequestError):  # a read-only home only means to ask again
        path = _kept(adapted.snapshot, bundle.id, adapted.kind, adapted.adapter)
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_files.write(path, found.bundle.to_json().encode())
    return found


def _looked_into(adapted: Adapted, file: File) -> About:
    try:
        return look_into(adapted.snapshot.folder / file.path)
    except (ValueError, IndexError):  # broken where nobody had to look before
        raise BundleError(f"The bundle '{adapted.bundle.id}' is refused: {file.path} is no ONNX graph.") from None


def _met(place: Place, info: ModelInfo, model_id: str | None, kind: str | None) -> Adapted:
    there = {file.rfilename for file in info.siblings or []}
    for name, adapter in _candidates(kind).items():
        graphs = {
            graph: next((path for path in each.files if path in there), "") for graph, each in adapter.graphs.items()
        }
        if not there.issuperset([*graphs.values(), *adapter.beside]):
            continue
        files = _Files(place, _variants(graphs, there), [*adapter.beside, *({CARD} & there)])
        if all(files.at(pointer) == value for pointer, value in adapter.where.items()):
            bundle = _manifest(files, info, adapter, name, model_id or _identifier(place.repo))
            return Adapted(bundle, adapter, name, _snapshot(place))
    kinds = kind or ", ".join(adapters())
    raise SourceError(f"{place} is neither a bundle of this hub nor laid out as a model that it can adapt ({kinds}).")


def _candidates(kind: str | None) -> dict[str, Adapter]:
    return adapters() if kind is None else {kind: adapters()[kind]}


def _variants(graphs: Mapping[str, str], there: set[str]) -> dict[VariantName, dict[str, str]]:
    """Path by graph, of each variant that has all graphs."""
    named = {
        variant: {graph: f"{path.removesuffix('.onnx')}{suffix}.onnx" for graph, path in graphs.items()}
        for variant, suffix in FILE_SUFFIX.items()
    }
    return {variant: paths for variant, paths in named.items() if there.issuperset(paths.values())}


def _identifier(repo: str) -> str:
    return re.sub(r"[^a-z0-9._-]", "-", repo.split("/")[1].lower()).lstrip("._-")[:64] or "model"


class _Files:
    """The files of a commit that matter: sizes and hashes of all of them, the content of the small ones."""

    def __init__(self, place: Place, variants: dict[VariantName, dict[str, str]], beside: Sequence[str]) -> None:
        self.place = place
        self._small: dict[str, bytes] = {}
        paths = {path for each in variants.values() for path in each.values()} | set(beside)
        there = {path: self._file(info) for path, info in remote.describe(place, sorted(paths)).items()}
        if missing := paths - there.keys():
            raise SourceError(f"{place} is incomplete: it has no {min(missing)}.")
        self.variants = {name: {graph: there[path] for graph, path in each.items()} for name, each in variants.items()}
        self.beside = [there[path] for path in beside if path != CARD or self._is_text(path)]

    def _file(self, info: RepoFile) -> File:
        if info.lfs is not None:
            return File(path=info.path, sha256=info.lfs.sha256, bytes=info.size)
        if info.size > MAX_SMALL_BYTES:
            raise BundleError(f"{self.place} is refused: its {info.path} has {info.size:,} bytes.")
        content = self._small[info.path] = self._whole(info)
        return File(path=info.path, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))

    def _whole(self, info: RepoFile) -> bytes:
        """A file that Git keeps itself, and names after its content."""
        for again in (False, True):
            content = remote.download(self.place, info.path, again=again).read_bytes()
            named = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
            if named == info.blob_id:
                return content
        raise BundleError(f"{self.place} is damaged: its {info.path} is not the file that the Hub describes.")

    def _is_text(self, path: str) -> bool:
        try:
            self._small[path].decode()
        except (KeyError, UnicodeDecodeError):  # a card that is none is left where it is
            return False
        return True

    def at(self, pointer: str) -> Any:
        """What stands in a JSON file under ``pointer``; ``None`` where nothing does."""
        path, _, way = pointer.partition("#")
        try:
            value = json.loads(self._small[path])
        except (KeyError, ValueError, RecursionError):
            raise BundleError(f"{self.place} is refused: its {path} cannot be read.") from None
        for key in way.split("/")[1:]:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def number(self, wanted: Number) -> int:
        """``wanted``, or what stands at the first of its pointers that leads to a number."""
        if isinstance(wanted, int):
            return wanted
        pointers = [wanted] if isinstance(wanted, str) else wanted
        for value in map(self.at, pointers):
            if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST:
                return value
        raise BundleError(f"{self.place} is refused: there is no number from 1 to {LARGEST} at its {pointers[0]}.")


def _manifest(files: _Files, info: ModelInfo, adapter: Adapter, kind: str, model_id: str) -> Bundle:
    """What a bundle of ours would say of itself, as far as it is known; what nobody measured is left out."""
    place = files.place
    height, width = files.number(adapter.height), files.number(adapter.width)
    sizes: dict[str, int] = {"channels": adapter.channels}
    if not adapter.any_size:
        sizes |= {"height": height, "width": width}
    if adapter.embedding is not None:
        sizes["embedding"] = files.number(adapter.embedding)
    parity = {graph: {"max_abs": None} for graph in adapter.graphs}
    described = {
        "schema_version": 1,
        "id": model_id,
        "title": f"{adapter.title} · {place.repo}",
        "family": kind,
        "task": adapter.task,
        "description": f"{adapter.description} {_how(adapter)}".strip(),
        "licence": _licence(info, adapter, place.repo),
        "data": [source.model_dump() for source in adapter.data],
        "training": {"adapter": kind, "repo": place.repo},
        "git_commit": place.revision,
        "created": (info.last_modified or datetime.fromtimestamp(0, UTC)).isoformat(),
        "parameters": 0,
        "image": {
            "height": height,
            "width": width,
            "channels": adapter.channels,
            "dynamic": adapter.any_size,
            "multiple": adapter.multiple,
        },
        "mask_hole": 255 if adapter.task == "inpaint" else None,
        "graphs": {
            name: _concrete(TASKS[adapter.task][name].required(), sizes).model_dump() for name in adapter.graphs
        },
        "variants": {
            name: {
                "files": {graph: file.model_dump() for graph, file in each.items()},
                "opset": 0,
                "ir_version": 0,
                "parity": parity,
                "web": False,
            }
            for name, each in files.variants.items()
        },
        "defaults": dict.fromkeys(("cpu", "cuda", "web"), "fp32"),
        "files": [file.model_dump() for file in files.beside],
    }
    try:
        return parse_bundle(json.dumps(described))
    except BundleError as error:
        raise BundleError(f"{place} cannot be adapted as {kind}: {error}") from None


def _concrete(signature: Graph, sizes: dict[str, int]) -> Graph:
    def fill(ports: Sequence[Port]) -> tuple[Port, ...]:
        return tuple(
            port.model_copy(update={"shape": tuple(sizes.get(str(size), size) for size in port.shape)})
            for port in ports
        )

    return Graph(inputs=fill(signature.inputs), outputs=fill(signature.outputs))


def _how(adapter: Adapter) -> str:
    """What a caller should know of the way in: said wherever the model is described."""
    said = []
    for graph in adapter.graphs.values():
        pixels = [port for port in graph.inputs.values() if port.range is not None]
        if size := next((port.size for port in pixels if port.size), None):
            said.append(
                f"Its graph takes pictures of {size[1]} x {size[0]} alone: others are scaled to fit and come back at "
                "their own size."
            )
        if graph.one_at_a_time:
            said.append("The pictures of a batch run one by one.")
    return " ".join(dict.fromkeys(said))


def _licence(info: ModelInfo, adapter: Adapter, repo: str) -> str:
    """What the repository says; of a well-known one that says nothing, what the adapter says."""
    said = getattr(info.card_data, "license", None)
    if isinstance(said, str) and re.fullmatch(r"[\w.+-]{1,64}", said):
        return said
    return adapter.licence if repo in adapter.pins else "unknown"


# ── Manifests kept ───────────────────────────────────────────────────────────────────────────────────────────────────


def _snapshot(place: Place, note: str = "") -> Snapshot:
    owner, name = place.repo.split("/")
    folder = Path(constants.HF_HUB_CACHE) / f"models--{owner}--{name}" / "snapshots" / place.revision
    return Snapshot(place.repo, place.revision, folder, note)


def _kept(snapshot: Snapshot, model_id: str, kind: str, adapter: Adapter) -> Path:
    """Where the manifest of a commit is kept: another one for another id, or another wording of the adapter."""
    how = hashlib.sha256(f"{model_id} {kind} {adapter.model_dump_json()}".encode()).hexdigest()[:16]
    folder = settings().cache_dir / "adapted" / snapshot.repo.replace("/", "--")
    return folder / f"{snapshot.commit}-{how}.json"


def met_before(place: Place, model_id: str | None = None, kind: str | None = None, note: str = "") -> Adapted | None:
    """The manifest of a commit that was opened before; of a branch or tag, that of the commit opened last. ``note``
    says why it is used.
    """
    wanted = model_id or _identifier(place.repo)
    for name, adapter in _candidates(kind).items():
        path = _kept(_snapshot(place), wanted, name, adapter)
        met = [path]
        if not place.pinned:
            with contextlib.suppress(OSError):
                how = path.name.rsplit("-", 1)[1]
                met = sorted(path.parent.glob(f"*-{how}"), key=lambda each: each.stat().st_mtime, reverse=True)
        for each in met[:1]:
            with contextlib.suppress(OSError, ValueError, HubError):  # unreadable only means to ask again
                bundle = parse_bundle(each.read_text(encoding="utf-8"))
                commit = Place(place.repo, each.name.split("-")[0])
                return Adapted(bundle, adapter, name, _snapshot(commit, note))
    return None

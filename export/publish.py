"""Publish a bundle to the Hugging Face Hub: one commit that makes the repository exactly the bundle, or none at all.

    genhub publish runs/bundle --repo you/name --dry-run     # what would be sent, without asking anybody
    genhub publish runs/bundle --repo you/name
    genhub publish --all --namespace you                     # the whole catalog, which then pins what was published

The card goes as it was exported: its header has licence, tags, data sets and the metrics as evaluation results. Every
file is verified before, and looked at on the Hub after; a bundle in which something looks like a token stays here.
Publishing the same bundle again makes no commit. The tag says which schema and which content, as in
``schema1-5f0c2ab41d9e``.

A token comes from ``HF_TOKEN`` or the client's own store, into a header; it is never seen here.
"""

import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import tomlkit
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, ModelCard, ModelCardData
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError
from tomlkit.exceptions import TOMLKitError

from export.errors import ExportError
from hub import files
from hub.contract import MANIFEST, Bundle, File, read_bundle
from hub.errors import HubError
from hub.weights import fingerprint, verify, verify_file
from hub.weights.remote import Place, in_words, look_at

CARD = "README.md"
OF_THE_HUB = frozenset({".gitattributes"})
"""Files that the Hub itself puts into a new repository."""

TOKEN = re.compile(rb"\b(hf_|hf_oauth_|hf_jwt_|api_org_)[A-Za-z0-9]{30,}")
"""What the Hub's tokens look like; the bytes of weights do not happen to."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Plan:
    """A bundle that has been verified, file by file, and what publishing it means."""

    folder: Path
    bundle: Bundle
    header: ModelCardData
    """Of its card."""

    @property
    def manifest(self) -> str:
        """The sha256 of the manifest, which stands for the whole bundle."""
        return fingerprint(self.folder)

    @property
    def tag(self) -> str:
        return f"schema{self.bundle.schema_version}-{self.manifest[:12]}"

    @property
    def paths(self) -> list[str]:
        """What goes into the repository: the manifest, and what it lists."""
        return [MANIFEST, *(file.path for file in self.bundle.all_files())]

    def lines(self) -> list[str]:
        """The plan for people."""
        data = self.header
        results = [
            f"{each.metric_name or each.metric_type} {each.metric_value} on {each.dataset_name}"
            for each in data.eval_results or []
        ]
        sizes = [(path, (self.folder / path).stat().st_size) for path in self.paths]
        return [
            f"{self.bundle.id}: {len(sizes)} files, {sum(size for _, size in sizes) / 1e6:.2f} MB, tag {self.tag}",
            f"card: licence {data.license}, {data.pipeline_tag}, tags {', '.join(data.tags or [])}",
            f"evaluation results: {'; '.join(results) or 'none'}",
            *(f"  {path}  {size:,}" for path, size in sizes),
        ]


@dataclass(frozen=True)
class Published:
    """A bundle that is on the Hub."""

    repo: str
    revision: str
    tag: str
    manifest: str
    new: bool
    """Whether this made a commit; not where the repository held the very bundle already."""


def plan(folder: Path) -> Plan:
    """Verify every file of the bundle in ``folder``, and read its card.

    Raises:
        BundleError: it is not what its manifest says.
        ExportError: it has no card, or one without a licence; or a file holds a token.
    """
    bundle = read_bundle(folder)
    for name in bundle.variants:
        verify(folder, bundle, name)
    for file in bundle.files:
        verify_file(folder, bundle, file)
    for path in (MANIFEST, *(file.path for file in bundle.all_files())):
        if _holds_a_token(folder / path):
            raise ExportError(
                f"The {path} of '{bundle.id}' holds what looks like a token of the Hub: it is not published; take the "
                "token out, export the bundle again, and have the Hub invalidate that token."
            )
    if all(file.path != CARD for file in bundle.files):
        raise ExportError(f"The bundle '{bundle.id}' has no {CARD}; export it again, which writes its card.")
    try:
        card = ModelCard.load(folder / CARD)
    except ValueError as error:
        raise ExportError(f"The header of {folder / CARD} cannot be read: {str(error).splitlines()[0]}.") from None
    header = card.data
    if not isinstance(header, ModelCardData) or not header.license:
        raise ExportError(f"The card of '{bundle.id}' names no licence; export it again with --licence.")
    return Plan(folder, bundle, header)


def _holds_a_token(path: Path) -> bool:
    if path.stat().st_size == 0:  # cannot be mapped
        return False
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return TOKEN.search(content) is not None


def publish(planned: Plan, repo: str, *, private: bool = False) -> Published:
    """Make ``repo`` hold exactly the planned bundle, by one commit, and tag it.

    ``private`` counts when the repository is made; one that is there stays as it is.

    Raises:
        ExportError: the Hub refuses or cannot be reached, or the repository holds something else than a bundle. Then
            nothing of it is to be seen there.
    """
    api = HfApi(library_name="generative-hub")
    _told(repo, lambda: api.create_repo(repo, private=private, exist_ok=True))
    before = _told(repo, lambda: api.model_info(repo))
    there = {file.rfilename for file in before.siblings or []} - OF_THE_HUB
    if there - {CARD} and MANIFEST not in there:
        raise ExportError(f"{repo} holds something else than a bundle; choose another --repo.")
    changes: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path, planned.folder / path) for path in planned.paths
    ]
    changes += [CommitOperationDelete(path) for path in sorted(there - set(planned.paths))]
    commit = _told(
        repo,
        lambda: api.create_commit(
            repo,
            operations=changes,
            commit_message=f"{planned.bundle.title}: {planned.tag}",
            parent_commit=before.sha,  # somebody else's change in between is theirs to keep
        ),
    ).oid
    listed: dict[str, File | None] = {file.path: file for file in planned.bundle.all_files()}
    try:
        look_at(Place(repo, commit), {MANIFEST: None, **listed})
    except HubError as error:
        raise ExportError(f"What came to be on the Hub is not what was sent: {error}") from None
    _told(repo, lambda: api.create_tag(repo, tag=planned.tag, revision=commit, exist_ok=True))
    return Published(repo, commit, planned.tag, planned.manifest, commit != before.sha)


def catalog_entry(model_id: str, published: Published, catalog: str = "") -> str:
    """``catalog`` (TOML text) with ``model_id`` pinned to what was published; the rest of it stays as it was written.

    Raises:
        ExportError: it is no TOML.
    """
    try:
        document = tomlkit.parse(catalog)
    except TOMLKitError as error:
        raise ExportError(f"The catalog cannot be read: {error}.") from None
    if model_id not in document:
        document.add(model_id, tomlkit.table())
    for key in ("repo", "revision", "manifest"):
        document[model_id][key] = getattr(published, key)  # type: ignore[index]
    return tomlkit.dumps(document)


def write_entry(path: Path, model_id: str, published: Published) -> None:
    """Pin ``model_id`` in the catalog file ``path``, which is made where there is none.

    Raises:
        ExportError: it cannot be read.
        RequestError: it cannot be written.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"The catalog {path} cannot be read: {error}.") from None
    files.write(path, catalog_entry(model_id, published, text).encode())


def _told(repo: str, call: Callable[[], Answer]) -> Answer:
    """The answer to ``call``, or one sentence."""
    try:
        return call()
    except HFValidationError as error:
        raise ExportError(f"'{repo}' is no name of a repository: it has to be owner/name.") from error
    except Exception as error:  # the client's own, its HTTP library's, the system's
        cause = error
        while not isinstance(cause, HfHubHTTPError) and isinstance(cause.__cause__, Exception):
            cause = cause.__cause__  # the client wraps what happens to a large file
        status = cause.response.status_code if isinstance(cause, HfHubHTTPError) else 0
        if status in (401, 403) or isinstance(cause, RepositoryNotFoundError):
            raise ExportError(
                f"The Hub does not let us write to {repo}; set HF_TOKEN to a token that may, or log in with `hf auth "
                "login`."
            ) from None
        if status == 412:
            raise ExportError(f"{repo} was changed by somebody else just now; publish again.") from None
        if status == 400:
            raise ExportError(f"The Hub refuses what {repo} would hold: its card breaks the Hub's rules.") from None
        raise ExportError(f"{repo} was not published: {in_words(cause, Place(repo))}") from None

"""Which models there are and where each bundle comes from: ``catalog.toml``, read as data.

A table is one model. Its sources, of which it has at least one:

* ``repo`` and ``revision``: a Hugging Face Hub repository and the commit (40 hex digits) to take from it. ``manifest``,
  the sha256 of its ``bundle.json``, pins the content as well, whatever the Hub says;
* ``embedded = true``: ``hub/bundles/<id>`` ships with the package;
* ``folder``: a folder of this machine, relative to the catalog's file.

With ``adapter`` beside ``repo`` and ``revision``, the repository is no bundle of ours but a public model of a known
kind; ``[adapters.NAME]`` describes such a kind, in the words of ``hub.adapters``, beside those that ship.

``GENHUB_NAMESPACE=you`` takes every model from ``you/<id>`` instead; ``GENHUB_CATALOG`` names another file.
"""

import tomllib
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hub.adapters import Adapter, shipped
from hub.contract import Identifier, Sha256
from hub.errors import HubError
from hub.settings import settings

EMBEDDED = Path(__file__).parent / "bundles"
CATALOG = Path(__file__).parent / "catalog.toml"


class Entry(BaseModel):
    """One model's sources."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repo: Annotated[str, Field(pattern=r"^[\w-][\w.-]*/[\w-][\w.-]*$")] | None = None
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    manifest: Sha256 | None = None
    adapter: Identifier | None = None
    embedded: bool = False
    folder: Path | None = None

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if (self.repo is None) != (self.revision is None):
            raise ValueError("a repo and its revision go together")
        if self.manifest is not None and self.repo is None:
            raise ValueError("a manifest's hash pins a repo, and there is none")
        if not (self.repo or self.embedded or self.folder):
            raise ValueError("it names no source: repo and revision, embedded, or folder")
        if self.adapter and (not self.repo or self.manifest or self.embedded or self.folder):
            raise ValueError("an adapter goes with a repo and its revision, and with nothing else")
        return self

    def repository(self, model_id: str, namespace: str | None) -> tuple[str, str] | None:
        """The Hub repository and the revision to ask for, where there is one.

        Another account's copy has commits of its own, so its ``main`` is taken.
        """
        if namespace is not None and (repo := f"{namespace}/{model_id}") != self.repo:
            return repo, "main"
        return None if self.repo is None or self.revision is None else (self.repo, self.revision)


class _File(BaseModel):
    """A catalog: models by id, and kinds of public models under ``adapters``."""

    model_config = ConfigDict(frozen=True)

    models: dict[Identifier, Entry]
    adapters: dict[Identifier, Adapter]

    @model_validator(mode="after")
    def _knows_its_adapters(self) -> Self:
        known = self.adapters.keys() | shipped().keys()
        for name, entry in self.models.items():
            if entry.adapter and entry.adapter not in known:
                raise ValueError(f"'{name}' names the adapter '{entry.adapter}', there are {', '.join(sorted(known))}")
        return self


def catalog() -> MappingProxyType[str, Entry]:
    """The entries by id, in the file's order.

    Raises:
        HubError: the file is missing, is no TOML, or says what no entry may say.
    """
    return MappingProxyType(_read(settings().catalog or CATALOG).models)


def catalog_ids() -> tuple[str, ...]:
    """The ids of the catalog, in its order: the first is what a newcomer sees first."""
    return tuple(catalog())


def adapters() -> dict[str, Adapter]:
    """The kinds of public models by name: those of the catalog first, then those that ship. A repository opens with
    the first that fits it.

    Raises:
        HubError: as :func:`catalog`.
    """
    own = _read(settings().catalog or CATALOG).adapters
    return {**own, **{name: adapter for name, adapter in shipped().items() if name not in own}}


@cache
def _read(path: Path) -> _File:
    path = path.expanduser()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        adapters = tables.pop("adapters", {})
        content = _File.model_validate({"models": tables, "adapters": adapters})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]).removeprefix("models.")
        said = first["msg"].removeprefix("Value error, ")
        raise HubError(f"The catalog {path}{' at ' + where if where else ''}: {said}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise HubError(f"The catalog {path} cannot be read: {reason}.") from None
    models = {
        name: entry if entry.folder is None else entry.model_copy(update={"folder": path.parent / entry.folder})
        for name, entry in content.models.items()
    }
    return content.model_copy(update={"models": models})

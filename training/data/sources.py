"""Pinned sources: fetch a package with its registry's ordinary client, check its sha256, unpack it without root."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from training.atomic import atomic_path
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
    files: dict[str, str]
    """File name inside `folder` -> sha256."""


def cache_dir() -> Path:
    """The user's cache: `$GENHUB_CACHE`, else `~/.cache/genhub`."""
    chosen = os.environ.get("GENHUB_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "genhub"


def read_source(name: str, path: Path = SOURCES) -> Source:
    """The pinned source called `name`. Raises TrainingError if there is none."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    if name not in table:
        raise TrainingError(f"There is no data set called {name!r}; there are: {', '.join(sorted(table))}.")
    return Source(name=name, **table[name])


def source_files(source: Source) -> dict[str, bytes]:
    """The source's files, by name, every one checked against its sha256.

    Taken from the installed package where its files are the pinned ones, else from the package file in the cache,
    which is downloaded once. Raises TrainingError.
    """
    installed = _read_installed(source)
    if installed is not None:
        return installed
    package = cache_dir() / "downloads" / f"{source.package}_{source.sha256[:12]}.deb"
    if not package.exists():
        _download(source, package)
    elif _sha256(package.read_bytes()) != source.sha256:
        raise TrainingError(
            f"{package} is not the pinned {source.package} {source.version} (its sha256 differs); delete it."
        )
    files = _unpack_deb(package.read_bytes(), source)
    for name, digest in source.files.items():
        if name not in files or _sha256(files[name]) != digest:
            raise TrainingError(
                f"{name} is missing from {package} or is not the pinned file; delete the package and try again."
            )
    return files


def _read_installed(source: Source) -> dict[str, bytes] | None:
    """Files of an installed package; None unless all are there and are exactly the pinned ones."""
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
    """Have apt-get put the pinned package into the cache. Needs no root."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise TrainingError(
            f"This machine has no apt-get: run `apt-get download {source.package}={source.version}` on a Debian one, "
            f"and copy the file here as {package}."
        )
    package.parent.mkdir(parents=True, exist_ok=True)
    # A folder of its own: apt names the file itself, and a broken download must not stay behind. World-readable,
    # because apt drops to an unprivileged user where it runs as root.
    with tempfile.TemporaryDirectory(dir=package.parent) as folder:
        Path(folder).chmod(0o777)
        try:
            done = subprocess.run(
                [apt, "download", f"{source.package}={source.version}"],
                cwd=folder, capture_output=True, text=True, timeout=900,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise TrainingError(
                f"apt-get did not finish downloading {source.package} within 15 minutes; try again later."
            ) from error
        found = sorted(Path(folder).glob("*.deb"))
        if done.returncode != 0 or not found:
            reason = next((line for line in done.stderr.splitlines() if line.startswith("E:")), "no reason given")
            raise TrainingError(
                f"apt-get could not download {source.package}={source.version} ({reason}); run `apt-get update`, "
                f"or copy the package here as {package}."
            )
        if _sha256(found[0].read_bytes()) != source.sha256:
            raise TrainingError(
                f"The downloaded {source.package} has another sha256 than the pinned one; it was thrown away."
            )
        with atomic_path(package) as temporary:
            shutil.move(found[0], temporary)


def _unpack_deb(package: bytes, source: Source) -> dict[str, bytes]:
    """The pinned files of a Debian package: an `ar` archive whose `data.tar.*` member holds the file tree."""
    try:
        data = next(content for name, content in _ar_members(package) if name.startswith("data.tar"))
        wanted = {f"{source.folder.strip('/')}/{name}": name for name in source.files}
        files = {}
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive:
                name = wanted.get(member.name.removeprefix("./"))
                stream = archive.extractfile(member) if name and member.isfile() else None
                if name and stream:
                    files[name] = stream.read()
        return files
    except (StopIteration, ValueError, tarfile.TarError, EOFError) as error:
        raise TrainingError(
            f"The package {source.package} could not be unpacked ({error!r}); delete it and try again."
        ) from error


def _ar_members(archive: bytes) -> list[tuple[str, bytes]]:
    """Members of a Unix `ar` archive: a magic line, then 60-byte headers, contents padded to even length."""
    if not archive.startswith(b"!<arch>\n"):
        raise ValueError("not an ar archive")
    members, offset = [], 8
    while offset + 60 <= len(archive):
        header = archive[offset : offset + 60]
        size = int(header[48:58])
        members.append((header[:16].decode("ascii").rstrip(" /"), archive[offset + 60 : offset + 60 + size]))
        offset += 60 + size + size % 2
    return members


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

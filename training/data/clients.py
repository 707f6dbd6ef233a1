"""The registries' ordinary clients and how their package files are unpacked: apt-get (.deb), npm (.tgz), pip (.whl).

An ordinary client, because it honours the mirrors, proxies and credentials that the user has configured for it.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class Client:
    """How to have one package file downloaded into the working directory, without root and without installing."""

    program: str
    suffix: str
    """What its package files end with."""
    command: Callable[[str, str], list[str]]
    """Package and version -> the arguments that download it."""
    reason: Callable[[str], str]
    """What it wrote to stderr -> the line that says why it failed."""
    advice: str
    """What may help, as the beginning of a sentence that goes on with ", or copy the package here"."""
    machine: str
    """Where the client is at home, for those who have to fetch the package there."""
    members: Callable[[bytes], Iterator[tuple[str, Callable[[], bytes]]]]
    """Package file -> path inside and a reader of the contents, for every plain file.

    Raises ValueError, EOFError, OSError or tarfile.TarError for anything else than such a package.
    """


def _deb_members(package: bytes) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """A Debian package is a Unix `ar` archive, whose `data.tar.*` member holds the file tree."""
    data = next((content for name, content in _ar_members(package) if name.startswith("data.tar")), None)
    if data is None:
        raise ValueError("there is no data.tar in it")
    return _tar_members(data)


def _tar_members(data: bytes) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Plain files of a tar archive, whatever its compression."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if member.isfile():
                stream = archive.extractfile(member)
                assert stream is not None  # it is a plain file
                yield member.name.removeprefix("./"), stream.read


def _zip_members(wheel: bytes) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Plain files of a wheel, which is a zip archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    yield member.filename, partial(archive.read, member)
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise ValueError(f"not a wheel: {error}") from error


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


def _first_line(stderr: str, start: str) -> str:
    """The first line that begins with `start` and has more to say than an error code."""
    lines = [line for line in stderr.splitlines() if line.lower().startswith(start.lower())]
    spoken = [line for line in lines if not line.lower().startswith(f"{start} code".lower())]
    return next(iter(spoken or lines), "no reason given").strip()


CLIENTS = {
    "apt-get": Client(
        program="apt-get",
        suffix=".deb",
        command=lambda package, version: ["download", f"{package}={version}"],
        reason=lambda stderr: _first_line(stderr, "E:"),
        advice="run `apt-get update`",
        machine="a Debian one",
        members=_deb_members,
    ),
    "npm": Client(
        program="npm",
        suffix=".tgz",
        command=lambda package, version: ["pack", "--ignore-scripts", f"{package}@{version}"],
        reason=lambda stderr: _first_line(stderr, "npm error"),
        advice="look at the registry that `npm config get registry` names",
        machine="one with Node.js",
        members=_tar_members,
    ),
    "pip": Client(
        program="pip",
        suffix=".whl",
        # A wheel, because an sdist would run its own code merely to be looked at.
        command=lambda package, version: [
            *("download", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"),
            f"{package}=={version}",
        ],
        reason=lambda stderr: _first_line(stderr, "ERROR:"),
        advice="look at the index that `pip config list` names",
        machine="one with Python",
        members=_zip_members,
    ),
}

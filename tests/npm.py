"""Packages from npm, fetched once into the user's cache and checked against a pinned hash; nothing is installed."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "genhub" / "npm"


def place(package: str, version: str, sha256: str, folder: Path, wanted: tuple[str, ...]) -> None:
    """Put the files ``wanted`` of ``package`` where ``npm install`` in ``folder`` would; skips the test where there is
    no npm or no network.
    """
    archive = CACHE / f"{package}-{version}.tgz"
    if not archive.exists():
        _pack(package, version, archive)
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == sha256, f"{archive} is not what was pinned; delete it"
    with tarfile.open(archive) as files:
        for name in wanted:
            member = files.extractfile(f"package/{name}")
            assert member is not None, f"{package} has no {name}"
            target = folder / "node_modules" / package / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member.read())


def _pack(package: str, version: str, archive: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip(f"npm is not installed, and {package} {version} is not in the cache yet")
    archive.parent.mkdir(parents=True, exist_ok=True)
    fetched = archive.with_suffix(".fetching")
    fetched.mkdir(exist_ok=True)
    command = ["npm", "pack", f"{package}@{version}", "--pack-destination", str(fetched)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=fetched)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not bring {package} {version} within two minutes")
    if done.returncode != 0:
        pytest.skip(f"npm could not bring {package} {version}: {done.stderr.strip()[-200:]}")
    next(fetched.glob("*.tgz")).replace(archive)
    shutil.rmtree(fetched)

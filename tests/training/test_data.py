"""Building Fashion-MNIST from its package: tiny IDX files, a real .deb made here, and everything that can go wrong."""

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.packages import deb
from training.data import fashion
from training.data.dataset import read_info, read_parquet
from training.data.open import open_data
from training.data.sources import Source, package_path, read_source, source_files
from training.errors import TrainingError


def idx(array: NDArray[np.uint8]) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def files() -> dict[str, bytes]:
    """The four files, with 60 training and 10 test images of 28x28."""
    generator = np.random.default_rng(0)
    return {
        "train-images-idx3-ubyte.gz": idx(generator.integers(0, 256, (60, 28, 28), np.uint8)),
        "train-labels-idx1-ubyte.gz": idx(np.arange(60, dtype=np.uint8) % 10),
        "t10k-images-idx3-ubyte.gz": idx(generator.integers(0, 256, (10, 28, 28), np.uint8)),
        "t10k-labels-idx1-ubyte.gz": idx(np.arange(10, dtype=np.uint8)),
    }


@pytest.fixture
def source(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """The pinned source, with the tiny package in the cache in place of the real one."""
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))
    package = deb({f"/opt/tiny/{name}": content for name, content in files.items()})
    pinned = replace(
        read_source("fashion"),
        folder="/opt/tiny",
        sha256=hashlib.sha256(package).hexdigest(),
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    path = package_path(pinned)
    path.parent.mkdir(parents=True)
    path.write_bytes(package)
    return pinned


def test_built_data_set_keeps_pixels_labels_splits_and_provenance(
    source: Source, files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fashion, "VAL_PER_CLASS", 2)
    path = tmp_path / "fashion.parquet"
    fashion.build(source, path)
    data = read_parquet(path, 28, 1)
    assert (len(data.train), len(data.val), len(data.test)) == (40, 20, 10)
    assert np.array_equal(data.test.images[..., 0], fashion.read_idx(files["t10k-images-idx3-ubyte.gz"]))
    assert np.array_equal(np.bincount(data.val.labels), [2] * 10)
    info = read_info(path)
    assert (info.licence, info.version) == ("MIT", source.version)
    assert info.class_names[0] == "T-shirt/top" and "dataset-fashion-mnist" in info.source
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_val_is_the_same_whatever_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4), np.uint8)
    labels = np.repeat(np.arange(3, dtype=np.uint8), 10)
    forward = fashion.split_train_val(images, labels, 3)
    backward = fashion.split_train_val(images[::-1], labels[::-1], 3)
    assert forward == backward[::-1] and forward.count("val") == 9


def test_installed_package_is_used_as_it_is(source: Source, files: dict[str, bytes], tmp_path: Path) -> None:
    package_path(source).unlink()
    installed = tmp_path / "installed"
    installed.mkdir()
    for name, content in files.items():
        (installed / name).write_bytes(content)
    assert source_files(replace(source, folder=str(installed))) == files


def test_other_files_than_the_pinned_ones_are_refused(source: Source) -> None:
    path = package_path(source)
    path.write_bytes(path.read_bytes() + b"tail")
    with pytest.raises(TrainingError, match="sha256 differs"):
        source_files(source)
    tampered = replace(source, files={**source.files, "t10k-labels-idx1-ubyte.gz": "0" * 64})
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(TrainingError, match=r"t10k-labels-idx1-ubyte\.gz is missing"):
        source_files(tampered)


def test_without_apt_get_it_says_what_to_do(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    package_path(source).unlink()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TrainingError, match="has no apt-get: run `apt-get download dataset-fashion-mnist="):
        source_files(source)


def test_a_failing_download_leaves_nothing_behind(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_path(source).unlink()
    fake = tmp_path / "bin" / "apt-get"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    with pytest.raises(TrainingError, match=r"Unable to locate package\); run `apt-get update`"):
        source_files(source)
    assert list(package_path(source).parent.iterdir()) == []
    fake.write_text("#!/bin/sh\necho junk > junk.deb\n")
    with pytest.raises(TrainingError, match="another sha256"):
        source_files(source)
    assert list(package_path(source).parent.iterdir()) == []


def test_damaged_idx_and_damaged_parquet_are_named(tmp_path: Path) -> None:
    for content in (b"no gzip", gzip.compress(b"\0\0\x08\x03short"), idx(np.zeros((4, 4), np.uint8))[:-12]):
        with pytest.raises(TrainingError, match="is damaged"):
            fashion.read_idx(content)
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(TrainingError, match="or it is damaged"):
        open_data(str(tmp_path / "broken.parquet"), 32, 1)


def test_a_full_disk_is_one_sentence_and_leaves_no_file(tmp_path: Path) -> None:
    from training.atomic import atomic_path

    with pytest.raises(TrainingError, match="disk is full"), atomic_path(tmp_path / "file") as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_tiny_slice_has_the_schema_of_the_real_data_set() -> None:
    from .commands import TINY

    data = open_data(str(TINY), 32, 1)
    assert (len(data.train), len(data.val), len(data.test)) == (60, 20, 20)
    assert data.info.licence == "MIT" and sorted(set(data.train.labels)) == list(range(10))

"""Head CT: windowed slices of a volume, split by blocks with gaps between them, from a package made here."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, spline_filter

from tests.training.commands import TINY
from tests.training.packages import deb, tar
from training.damage import damaged_images
from training.data import build, ct
from training.data.ct import GAP, PROJECT, SHAPE, USED, slices, split_of, volume
from training.data.dataset import read_info, read_parquet
from training.data.sources import Source, package_path, read_source
from training.errors import TrainingError
from training.hounsfield import in_window, to_levels
from training.metrics import psnr
from training.tomography import low_dose


def project(hounsfield: np.ndarray) -> bytes:
    return tar({"tmp/main.plist": b"<plist/>", "tmp/matrix.dat": hounsfield.astype("<i2").tobytes()}, "w:gz")


def pinned(files: dict[str, bytes]) -> Source:
    """The real source, with another package in its place, in the cache."""
    real = read_source("invesalius")
    package = deb({f"{real.folder}/{name}": content for name, content in files.items()})
    source = replace(real, sha256=hashlib.sha256(package).hexdigest())
    package_path(source).parent.mkdir(parents=True, exist_ok=True)
    package_path(source).write_bytes(package)
    return source


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ct, "COPIES", 3)


def test_the_volume_becomes_slices_in_three_splits(tmp_path: Path) -> None:
    hounsfield = np.full(SHAPE, -1000, np.int16)
    hounsfield[:, 60:200, 60:200] = np.arange(SHAPE[0])[:, None, None] * 2  # each slice has an HU of its own
    path = tmp_path / "ct.parquet"
    info = ct.build([pinned({PROJECT: project(hounsfield)})], path)
    data = read_parquet(path, 128, 1)
    assert read_info(path) == info and info.licence == "GPL-2.0-only" and "One patient" in " ".join(info.notes)
    assert (len(data.train), len(data.val), len(data.test)) == (3 * 56, 8, 18)
    for split in (data.train, data.val, data.test):
        middle = split.images[:, 64, 64, 0]
        assert (middle == to_levels(split.columns["slice"] * 2.0)).all()


def test_slices_of_a_low_dose_stand_beside_the_same_slices_of_the_full_one(tmp_path: Path) -> None:
    hounsfield = np.full(SHAPE, -1000, np.int16)
    hounsfield[:, 60:200, 60:200] = np.random.RandomState(0).randint(0, 80, (SHAPE[0], 1, 1))
    source = pinned({PROJECT: project(hounsfield)})
    info = ct.build_low_dose([source], tmp_path / "low.parquet")
    ct.build([source], tmp_path / "full.parquet")
    low, full = (read_parquet(tmp_path / f"{name}.parquet", 128, 1) for name in ("low", "full"))
    assert info.name == "ct-lowdose" and info.identity != full.info.identity
    for split in ("train", "val", "test"):
        ours, theirs = getattr(low, split), getattr(full, split)
        assert np.array_equal(ours.images, theirs.images) and (ours.columns["halvings"] == ct.LOW_DOSE).all()
        assert 15 < psnr(in_window(ours.sources), in_window(ours.images)) < 40
    # Held-out pictures are those that the lowdose family is measured by.
    scanned = damaged_images(low_dose, full.test.images, np.full(len(full.test), ct.LOW_DOSE))
    assert low.test.sources is not None and np.array_equal(low.test.sources, scanned)
    # Each training slice has noise of its own.
    assert low.train.sources is not None
    assert len({picture.tobytes() for picture in low.train.sources}) == len(low.train)


def test_what_another_revision_built_is_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    source = pinned({PROJECT: project(np.zeros(SHAPE, np.int16))})
    monkeypatch.setattr(build, "read_source", lambda name: source)
    assert [build.build("ct")[1] for _ in range(2)] == [True, False]
    monkeypatch.setitem(build.BUILDERS, "ct", replace(build.BUILDERS["ct"], revision=ct.REVISION + 1))
    assert build.build("ct")[1]


def test_copies_of_a_training_slice_are_turned_stretched_and_bent_and_its_noise_is_as_strong() -> None:
    y, x = np.mgrid[:256, :256] - 127.5
    random = np.random.default_rng(0)
    oval = np.where((x / 90) ** 2 + (y / 70) ** 2 < 1, 40.0, ct.AIR)
    grain = gaussian_filter(random.normal(0, 60, oval.shape), 0.8)  # as fine as a scanner's
    copies = np.stack([ct.varied(spline_filter(oval + grain), random) for _ in range(12)])
    inside, shown = copies > -500, slices(copies)
    assert len({picture.tobytes() for picture in shown}) == 12
    area = np.pi * 90 * 70
    assert (abs(inside.sum((1, 2)) / area - 1) < 0.35).all() and inside.sum((1, 2)).std() > 0.02 * area
    assert inside[:, 120:136, 120:136].all(), "moved, but not away"
    assert len({tuple(np.argwhere(each)[0]) for each in inside}) > 6
    middle = (slice(None), slice(52, 76), slice(52, 76))
    assert shown[middle].std() == pytest.approx(slices((oval + grain)[None])[middle].std(), rel=0.1)


def test_no_slice_is_near_one_of_another_split() -> None:
    splits = {number: split_of(number) for number in range(SHAPE[0])}
    for number, split in splits.items():
        near = {splits.get(other) for other in range(number - GAP, number + GAP + 1)}
        assert split is None or near <= {split, None}
    assert all(splits[number] is None for number in range(USED, SHAPE[0]))


def test_the_first_pictures_of_a_split_are_of_all_heights() -> None:
    assert [number for number in ct.in_turns() if split_of(number) == "test"][:4] == [16, 50, 82, 17]


def test_four_pixels_become_one_in_hounsfield_units_and_the_nose_is_up() -> None:
    made = np.zeros((1, 4, 4), np.int16)
    made[0, 3, 3], made[0, 0, 0] = 1000, -1000  # half the way to bone is soft tissue, not half a grey level
    assert slices(made)[0].tolist() == to_levels(np.array([[0, 250], [-250, 0]])).tolist()


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"Other.inv3": b""}, r"has no Cranium\.inv3"),
        ({PROJECT: b"no archive"}, r"^Cranium\.inv3 could not be unpacked"),
        ({PROJECT: tar({"tmp/main.plist": b""}, "w:gz")}, "has 0 bytes"),
        ({PROJECT: tar({"tmp/matrix.dat": bytes(100)}, "w:gz")}, "has 100 bytes"),
    ],
)
def test_a_package_with_something_else_is_one_sentence(files: dict[str, bytes], told: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=told):
        ct.build([pinned(files)], tmp_path / "ct.parquet")
    assert not (tmp_path / "ct.parquet").exists()


def test_a_truncated_archive_is_one_sentence() -> None:
    whole = project(np.random.RandomState(0).randint(-1000, 1000, (4, 256, 256)))
    with pytest.raises(TrainingError, match=r"^Cranium\.inv3 could not be unpacked"):
        volume(whole[: len(whole) // 2])


def test_the_tiny_slice_is_of_the_real_data_set() -> None:
    data = read_parquet(TINY.with_name("ct_tiny.parquet"), 128, 1)
    assert (data.info.name, len(data.train), len(data.val), len(data.test)) == ("ct", 14, 4, 6)
    for name in ("train", "val", "test"):
        assert {split_of(int(number)) for number in getattr(data, name).columns["slice"]} == {name}

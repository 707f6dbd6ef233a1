"""Metrics of a run and the baselines beside them."""

import json
from pathlib import Path

import pytest

from export.errors import ExportError
from export.measured import read_metrics

METRICS = {"frechet_distance": 12.5, "frechet_floor": 1.25, "reconstruction_psnr": 21.0}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "metrics.json").write_text(json.dumps({"metrics": {"val": {}, "test": METRICS}}))
    return tmp_path


def test_the_test_split_is_reported_with_its_floor_as_a_baseline(run: Path) -> None:
    found = {metric.name: metric for metric in read_metrics(run, "Fashion-MNIST", seed=3)}
    distance = found["Fréchet distance of samples"]
    assert (distance.value, distance.split, distance.seeds, distance.higher_is_better) == (12.5, "test", (3,), False)
    assert distance.baselines == {"real images (floor)": 1.25}
    assert set(found) == {"Fréchet distance of samples", "Reconstruction PSNR"}


def test_baselines_come_from_the_run_or_from_the_file_that_is_named(run: Path, tmp_path: Path) -> None:
    (run / "baselines.json").write_text('{"reconstruction_psnr": {"PCA-32": 20}}')
    by_name = {metric.name: metric.baselines for metric in read_metrics(run, "d", 0)}
    assert by_name["Reconstruction PSNR"] == {"PCA-32": 20}
    (tmp_path / "other.json").write_text('{"reconstruction_psnr": {"pythae": 19}}')
    by_name = {metric.name: metric.baselines for metric in read_metrics(run, "d", 0, tmp_path / "other.json")}
    assert by_name["Reconstruction PSNR"] == {"pythae": 19}


def test_a_class_has_a_row_of_its_own_with_its_own_floor(run: Path) -> None:
    of_class = {"frechet_distance/Sandal": 3.0, "frechet_floor/Sandal": 0.5, "class_accuracy": 0.9}
    content = {"metrics": {"test": METRICS | of_class | {"class_accuracy_real": 0.95}}}
    (run / "metrics.json").write_text(json.dumps(content))
    found = {(metric.name, metric.subject): metric.baselines for metric in read_metrics(run, "d", 0)}
    assert found["Fréchet distance of samples", ""] == {"real images (floor)": 1.25}
    assert found["Fréchet distance of samples", "Sandal"] == {"real images (floor)": 0.5}
    assert found["Class accuracy of samples", ""] == {"real images": 0.95}


def test_a_temperature_has_a_row_of_its_own_beside_temperature_one(run: Path) -> None:
    more = {"frechet_distance/temperature 0.8": 9.0, "frechet_distance/temperature": 1.0}
    more |= {"kernel_distance": 0.5, "kernel_error": 0.1}
    more |= {f"{key}/temperature 0.8": value / 2 for key, value in more.items() if "kernel" in key}
    (run / "metrics.json").write_text(json.dumps({"evaluator": "E", "metrics": {"test": METRICS | more}}))
    found = {(metric.name, metric.subject): metric for metric in read_metrics(run, "d", 0)}
    cooler = found["Fréchet distance of samples", "temperature 0.8"]
    assert (cooler.temperature, cooler.value, cooler.baselines) == (0.8, 9.0, {"temperature 1": 12.5})
    assert found["Fréchet distance of samples", ""].temperature is None
    of_a_class = found["Fréchet distance of samples", "temperature"]
    assert (of_a_class.temperature, of_a_class.baselines) == (None, {}), "a class may be called what it likes"
    assert found["Kernel distance of samples", ""].evaluator == "E; standard error 0.1"
    assert found["Kernel distance of samples", "temperature 0.8"].evaluator == "E; standard error 0.05"


def test_the_evaluator_is_the_one_that_the_run_names(run: Path) -> None:
    before = {metric.name: metric.evaluator for metric in read_metrics(run, "d", 0)}
    assert before["Fréchet distance of samples"] == "Fashion classifier (features 128-d)"
    kernel = {"kernel_distance": 0.05, "kernel_error": 0.00213, "kernel_floor": 0.001, "kernel_floor_error": 0.0004}
    content = {"evaluator": "EfficientNet-Lite0", "metrics": {"test": METRICS | kernel}}
    (run / "metrics.json").write_text(json.dumps(content))
    found = {metric.name: metric for metric in read_metrics(run, "d", 0)}
    assert found["Kernel distance of samples"].evaluator == "EfficientNet-Lite0; standard error 0.0021"
    assert found["Kernel distance of samples"].baselines == {"real training images (floor)": 0.001}
    assert found["Fréchet distance of samples"].evaluator == "EfficientNet-Lite0"
    assert found["Reconstruction PSNR"].evaluator == "pixels, uint8"


def test_a_run_that_was_not_evaluated_has_no_metrics(tmp_path: Path) -> None:
    assert read_metrics(tmp_path, "d", 0) == ()


def test_what_nobody_can_read_a_direction_into_is_left_out(run: Path) -> None:
    content = {"metrics": {"test": {"mystery": 1.0, "reconstruction_psnr": float("nan"), "psnr": 20.0}}}
    (run / "metrics.json").write_text(json.dumps(content))
    assert [metric.name for metric in read_metrics(run, "d", 0)] == ["PSNR"]


@pytest.mark.parametrize(
    ("baselines", "message"),
    [
        ("not json", "cannot be read"),
        ('{"frechet_distance": 3}', "does not hold baselines"),
        ('{"fid": {"x": 1}}', "speak of 'fid', which metrics.json does not have"),
    ],
)
def test_bad_baselines_are_one_sentence(run: Path, baselines: str, message: str) -> None:
    (run / "baselines.json").write_text(baselines)
    with pytest.raises(ExportError, match=message):
        read_metrics(run, "d", 0)


def test_a_missing_file_of_baselines_is_told(run: Path) -> None:
    with pytest.raises(ExportError, match="no file of baselines"):
        read_metrics(run, "d", 0, run / "nowhere.json")


def test_damaged_metrics_are_told(run: Path) -> None:
    (run / "metrics.json").write_text('{"metrics": {"test": null}}')
    with pytest.raises(ExportError, match="no metrics of the split 'test'"):
        read_metrics(run, "d", 0)

"""The gates, at and beyond their edges."""

from collections.abc import Callable

import numpy as np
import pytest

from export.parity import Comparison, compare, latency_ms, refusal
from hub.contract import Graph, Parity, Port

PICTURE = Graph(inputs=(), outputs=(Port(name="image", dtype="uint8", shape=("batch", 10, 100, 1), range=(0, 255)),))
VECTOR = Graph(inputs=(), outputs=(Port(name="z", dtype="float32", shape=("batch", 4)),))
GREY = np.full((1, 10, 100, 1), 100, np.uint8)


def gives(name: str, array: np.ndarray) -> Callable[[object], dict[str, np.ndarray]]:
    return lambda feeds: {name: array}


def off_by(levels: int, pixels: int) -> np.ndarray:
    changed = GREY.copy()
    changed.reshape(-1)[:pixels] += np.uint8(levels)
    return changed


def against_grey(candidate: np.ndarray) -> Comparison:
    return compare(PICTURE, gives("image", GREY), gives("image", candidate), [{}])


def test_equal_pictures_have_no_psnr_and_pass() -> None:
    found = against_grey(GREY)
    assert found.parity == Parity(max_abs=0, share_off=0, psnr_db=None)
    assert refusal("fp32", PICTURE, found) is None


def test_fp32_may_be_one_grey_level_off_in_one_pixel_of_a_thousand() -> None:
    assert refusal("fp32", PICTURE, against_grey(off_by(1, 1))) is None
    assert "grey levels off" in (refusal("fp32", PICTURE, against_grey(off_by(1, 2))) or "")
    assert "2 grey levels" in (refusal("fp32", PICTURE, against_grey(off_by(2, 1))) or "")


def test_psnr_is_over_all_pixels_of_all_batches() -> None:
    calls = iter([GREY, off_by(10, 500)])
    found = compare(PICTURE, gives("image", GREY), lambda feeds: {"image": next(calls)}, [{}, {}])
    assert found.parity.psnr_db == pytest.approx(10 * np.log10(255**2 / (100 * 500 / 2000)))


@pytest.mark.parametrize(("variant", "passing", "failing"), [("fp16", 50.1, 49.9), ("int8", 33.1, 32.9)])
def test_reduced_pictures_need_their_psnr(variant: str, passing: float, failing: float) -> None:
    def found(psnr: float) -> Comparison:
        return Comparison(Parity(max_abs=9, share_off=0.5, psnr_db=psnr), 0)

    assert refusal(variant, PICTURE, found(passing)) is None  # type: ignore[arg-type]
    assert "dB (the gate" in (refusal(variant, PICTURE, found(failing)) or "")  # type: ignore[arg-type]


def test_fp32_numbers_may_be_a_ten_thousandth_off() -> None:
    z = np.ones((2, 4), np.float32)
    for error, passes in ((0.9e-4, True), (1.1e-4, False)):
        found = compare(VECTOR, gives("z", z), gives("z", z + np.float32(error)), [{}])
        assert (refusal("fp32", VECTOR, found) is None) == passes


def test_reduced_numbers_are_held_to_the_size_of_the_signal() -> None:
    z = np.full((2, 4), 50, np.float32)
    found = compare(VECTOR, gives("z", z), gives("z", z * np.float32(1.05)), [{}])
    assert found.relative_error == pytest.approx(0.05, rel=1e-3)
    assert refusal("int8", VECTOR, found) is None
    assert "5.0% off" in (refusal("fp16", VECTOR, found) or "")


@pytest.mark.parametrize("wrong", [np.full((2, 4), np.nan, np.float32), np.ones((2, 5), np.float32), np.ones((2, 4))])
def test_nan_another_shape_and_another_dtype_never_pass(wrong: np.ndarray) -> None:
    found = compare(VECTOR, gives("z", np.ones((2, 4), np.float32)), gives("z", wrong), [{}])
    for variant in ("fp32", "fp16", "int8"):
        assert refusal(variant, VECTOR, found) is not None


def test_latency_is_in_milliseconds() -> None:
    assert 0 <= latency_ms(lambda feeds: {}, {}) < 1

"""``hub.runtime.feeds``: what reaches onnxruntime fits the graph; everything else is answered in one sentence."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hub.contract import TASKS, Graph, Port
from hub.errors import RequestError
from hub.runtime.feeds import check, example
from tests.hub.sentence import sentence

IMAGE = Port(name="image", dtype="uint8", shape=("batch", "height", "width", 1), range=(0, 255))
MASK = Port(name="mask", dtype="uint8", shape=("batch", "height", "width", 1), range=(0, 255))
LATENT = Port(name="z", dtype="float32", shape=("batch", 3))
LABEL = Port(name="label", dtype="int64", shape=("batch",))
STRENGTH = Port(name="strength", dtype="float32", shape=("batch",), range=(0, 1))


def graph(*inputs: Port) -> Graph:
    return Graph(inputs=inputs, outputs=())


def refusal(*inputs: Port, **feeds: Any) -> str:
    with pytest.raises(RequestError) as refused:
        check(graph(*inputs), feeds)
    return sentence(refused.value)


@given(
    arrays.arrays(
        dtype=st.one_of(arrays.scalar_dtypes(), st.just(np.dtype("U3")), st.just(np.dtype(object))),
        shape=arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    st.sampled_from([LATENT, LABEL, STRENGTH]),
)
def test_an_array_of_any_kind_either_fits_its_port_or_is_refused_in_words(array: np.ndarray, port: Port) -> None:
    try:
        ready = check(graph(port), {port.name: array})[port.name]
    except RequestError as refused:
        sentence(refused)
        return
    assert ready.dtype == port.dtype
    assert ready.ndim == len(port.shape)
    assert ready.size > 0
    assert np.isfinite(ready).all()
    assert ready.flags.c_contiguous
    if port.dtype == "int64":
        assert [int(value) for value in ready] == [int(value) for value in array], "no number may wrap around"


def test_what_fits_is_handed_on_in_the_dtype_of_the_port() -> None:
    ready = check(graph(LATENT, LABEL), {"z": [[0, 1, 2]], "label": np.array([3], np.uint8)})  # type: ignore[dict-item]  # as some do
    assert ready["z"].dtype == np.float32
    assert ready["label"].dtype == np.int64


def test_a_picture_seen_sideways_is_copied_into_order() -> None:
    sideways = np.zeros((1, 6, 4, 1), np.uint8).transpose(0, 2, 1, 3)
    assert check(graph(IMAGE), {"image": sideways})["image"].flags.c_contiguous


def test_missing_and_unknown_inputs_are_named() -> None:
    assert "takes z, label; it was given z." in refusal(LATENT, LABEL, z=np.zeros((1, 3)))
    assert "was given nothing" in refusal(LATENT)
    assert "was given z, hat" in refusal(LATENT, z=np.zeros((1, 3)), hat=np.zeros(1))


@pytest.mark.parametrize("shape", [(3,), (1, 4), (1, 3, 1), ()])
def test_a_wrong_shape_is_told_with_the_right_one(shape: tuple[int, ...]) -> None:
    assert f"'z' needs the shape [batch, 3], not {list(shape)}" in refusal(LATENT, z=np.zeros(shape))


def test_an_empty_batch_is_refused() -> None:
    assert "'z' is empty" in refusal(LATENT, z=np.zeros((0, 3)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_latent_that_is_not_a_finite_float32_is_refused(value: float) -> None:
    assert "not a number" in refusal(LATENT, z=np.full((1, 3), value))


def test_rows_of_different_lengths_are_refused() -> None:
    assert "rows of different lengths" in refusal(LATENT, z=[[1, 2, 3], [1]])


@pytest.mark.parametrize("value", [np.full((1, 2, 2, 1), 0.5), np.full((1, 2, 2, 1), "x"), np.full((1, 2, 2, 1), True)])
def test_pixels_must_be_whole_numbers(value: np.ndarray) -> None:
    assert "'image' needs uint8 numbers" in refusal(IMAGE, image=value)


@pytest.mark.parametrize("level", [-1, 256, 65535])
def test_grey_levels_out_of_range_are_refused_rather_than_wrapped(level: int) -> None:
    assert "'image' must lie in [0, 255]" in refusal(IMAGE, image=np.full((1, 2, 2, 1), level))


def test_a_number_beyond_int64_is_refused_rather_than_wrapped() -> None:
    assert "beyond int64" in refusal(LABEL, label=np.array([2**63], np.uint64))


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_a_value_outside_its_range_is_refused(strength: float) -> None:
    assert "'strength' must lie in [0, 1]" in refusal(STRENGTH, strength=np.array([strength]))


def test_batches_of_different_size_are_refused() -> None:
    told = refusal(LATENT, LABEL, z=np.zeros((2, 3)), label=np.zeros(3, np.int64))
    assert "the same batch: z has 2, label has 3" in told


def test_a_mask_of_another_size_than_its_image_is_refused() -> None:
    told = refusal(IMAGE, MASK, image=np.zeros((1, 8, 8, 1), np.uint8), mask=np.zeros((1, 8, 9, 1), np.uint8))
    assert "the same width: image has 8, mask has 9" in told


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, graphs in TASKS.items() for name in graphs])
def test_every_graph_of_every_task_has_an_example_that_fits(task: str, name: str) -> None:
    signature = TASKS[task][name]
    if "channels" in {size for port in signature.inputs for size in port.shape}:
        return  # a bundle says how many
    assert check(signature, example(signature, 2)).keys() == {port.name for port in signature.inputs}


def test_an_example_is_the_same_each_time() -> None:
    first, again = (example(graph(IMAGE, LATENT, STRENGTH), 2) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)

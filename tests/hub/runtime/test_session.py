"""``hub.runtime.session``: one graph on one provider, from any number of threads."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hub.errors import BundleError, ProviderError, RequestError
from hub.runtime.session import Session, _cuda_device_count, available_providers, machine
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence

openvino_here = pytest.mark.skipif("openvino" not in available_providers(), reason="OpenVINO takes Intel CPUs only")


def latents(count: int) -> np.ndarray:
    return np.random.RandomState(1).standard_normal((count, 8)).astype(np.float32)


@pytest.fixture
def decoder(tiny_bundle: Path) -> Path:
    return tiny_bundle / "onnx/decoder.onnx"


def test_cpu_is_always_there_and_comes_last() -> None:
    assert available_providers()[-1] == "cpu"
    assert len(set(available_providers())) == len(available_providers())


def test_cuda_is_listed_only_where_a_device_answers() -> None:
    assert ("cuda" in available_providers()) <= (_cuda_device_count() > 0)


def test_cuda_is_not_listed_where_the_devices_are_hidden(tmp_path: Path) -> None:
    code = "from hub.runtime.session import available_providers; print('cuda' in available_providers())"
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    ran = subprocess.run([sys.executable, "-c", code], env=hidden, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize("provider", ["cuda", "openvino"])
def test_a_provider_that_is_not_here_is_refused_in_words(decoder: Path, provider: str) -> None:
    if provider in available_providers():
        pytest.skip(f"{provider} is here")
    with pytest.raises(ProviderError, match=f"'{provider}' is not available here; this machine has .*cpu") as refused:
        Session(decoder, provider)  # type: ignore[arg-type]
    sentence(refused.value)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("provider", available_providers())
def test_any_batch_size_runs(decoder: Path, provider: str, batch: int) -> None:
    image = Session(decoder, provider).run({"z": latents(batch)})["image"]  # type: ignore[arg-type]
    assert (image.shape, image.dtype) == ((batch, 32, 32, 1), np.uint8)
    assert image.std() > 10, "the tiny bundle should not be flat"


@pytest.mark.parametrize("provider", available_providers())
def test_four_threads_get_the_pixels_that_one_gets(decoder: Path, provider: str) -> None:
    session = Session(decoder, provider)  # type: ignore[arg-type]
    feeds = [{"z": latents(8)[index : index + 4]} for index in range(4)]
    alone = [session.run(feed)["image"] for feed in feeds]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda index: session.run(feeds[index % 4])["image"], range(80)))
    assert all(np.array_equal(image, alone[index % 4]) for index, image in enumerate(together))


@openvino_here
def test_openvino_stays_within_two_grey_levels_of_plain_onnxruntime(decoder: Path) -> None:
    feed = {"z": latents(16)}
    plain, fast = (Session(decoder, provider).run(feed)["image"].astype(int) for provider in ("cpu", "openvino"))
    assert np.abs(plain - fast).max() <= 2


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x0a"])
def test_a_file_that_is_no_graph_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "decoder.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"onnxruntime cannot open decoder\.onnx: ") as refused:
        Session(path, "cpu")
    assert "\n" not in str(refused.value)


def test_inputs_that_the_graph_itself_refuses_are_the_callers_mistake(conditional_bundle: Path) -> None:
    session = Session(conditional_bundle / "onnx/decoder.onnx", "cpu")
    with pytest.raises(RequestError, match="cannot run on these inputs") as refused:
        session.run({"z": latents(1), "label": np.array([99])})
    assert "\n" not in str(refused.value)


def test_the_machine_is_told_apart_by_threads_and_providers(turn: Turn) -> None:
    turn(threads=1)
    one = machine()
    turn(threads=2)
    assert machine() != one
    assert "+".join(available_providers()) in one

"""``hub.runtime.engine``: models by id, opened when first used, closed when memory runs short."""

import logging
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hub.errors import BundleError, RequestError, UnknownModelError
from hub.runtime.engine import Engine, Model
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle

NOISE = {"noise": np.ones((1, 8), np.float32)}
LATENT = {"z": np.random.RandomState(3).standard_normal((4, 8)).astype(np.float32)}
MEGABYTE = 2**20


def is_open(model: Model) -> bool:
    return model.resident_bytes > 0


def test_nothing_is_opened_before_it_is_used(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "damaged"))
    (folder / "onnx/decoder.onnx").write_bytes(b"x")
    model = Engine([folder]).model("tiny")
    assert not is_open(model)
    with pytest.raises(BundleError, match="damaged"):
        model.run("decoder", LATENT)


def test_only_the_graph_that_is_used_is_opened(tiny_bundle: Path) -> None:
    model = Engine([tiny_bundle]).model("tiny")
    model.run("prior", NOISE)
    prior = model.resident_bytes
    model.run("decoder", LATENT)
    assert model.resident_bytes > prior > 0


def test_warming_up_opens_the_main_graph(tiny_bundle: Path) -> None:
    model = Engine([tiny_bundle]).model("tiny")
    model.warm_up()
    assert is_open(model)


def test_many_first_calls_at_once_load_the_model_once(tiny_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "genhub")
    model, gate = Engine([tiny_bundle]).model("tiny"), threading.Barrier(8)

    def first_call(_: int) -> tuple[int, np.ndarray]:
        gate.wait()
        image = model.run("decoder", LATENT)["image"]
        return id(model._session("decoder")), image

    with ThreadPoolExecutor(8) as pool:
        sessions, images = zip(*pool.map(first_call, range(8)), strict=True)
    assert len(set(sessions)) == 1
    assert all(np.array_equal(image, images[0]) for image in images)
    assert [record.getMessage() for record in caplog.records].count("tiny: fp32 on cpu (set by GENHUB_PROVIDER)") == 1


@pytest.fixture
def three(tmp_path: Path, turn: Turn) -> Engine:
    """Models a, b, c of about 36 MiB open, where the budget is 80 MiB: two fit."""
    turn(memory_mb=80)
    for name in "abc":
        write_tiny_bundle(tmp_path / name, bundle_id=name, ballast=12 * MEGABYTE)
    return Engine([tmp_path / name for name in "abc"])


def opened(engine: Engine) -> str:
    return "".join(name for name, model in engine.models.items() if is_open(model))


def test_past_the_memory_budget_the_longest_unused_model_is_closed_and_opens_again_on_demand(three: Engine) -> None:
    before = three.model("a").run("decoder", LATENT)["image"]
    three.model("b").run("decoder", LATENT)
    three.model("a").run("decoder", LATENT)
    three.model("c").run("decoder", LATENT)
    three.model("c")
    assert opened(three) == "ac"
    three.model("b").run("decoder", LATENT)
    three.model("b")
    assert opened(three) == "bc"
    assert np.array_equal(three.model("a").run("decoder", LATENT)["image"], before)


def test_use_through_a_model_that_somebody_holds_on_to_counts_as_use(three: Engine) -> None:
    held = three.model("a")
    three.model("b").run("decoder", LATENT)
    held.run("decoder", LATENT)
    three.model("c").run("decoder", LATENT)
    three.model("c")
    assert opened(three) == "ac"
    three.models["b"].run("decoder", LATENT)
    three.model("b")
    assert opened(three) == "bc", "a model reopened behind the engine's back is still closed when its turn comes"


def test_the_model_asked_for_is_kept_though_it_alone_is_over_budget(tmp_path: Path, turn: Turn) -> None:
    turn(memory_mb=64)
    write_tiny_bundle(tmp_path / "big", bundle_id="big", ballast=30 * MEGABYTE)
    engine = Engine([tmp_path / "big"])
    engine.model("big").warm_up()
    assert is_open(engine.model("big"))


def test_a_run_in_flight_survives_that_another_thread_closes_the_model(tiny_bundle: Path) -> None:
    model = Engine([tiny_bundle]).model("tiny")
    expected, done = model.run("decoder", LATENT)["image"], threading.Event()

    def keep_closing() -> int:
        closed = 0
        while not done.is_set():
            model.close()
            closed += 1
        return closed

    with ThreadPoolExecutor(4) as pool:
        closer = pool.submit(keep_closing)
        try:
            images = list(pool.map(lambda _: model.run("decoder", LATENT)["image"], range(60)))
        finally:
            done.set()
        assert closer.result() > 0
    assert all(np.array_equal(image, expected) for image in images)


def test_a_file_changed_after_it_was_verified_is_noticed_when_it_is_opened_again(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))
    model = Engine([folder]).model("tiny")
    model.run("decoder", LATENT)
    model.close()
    shutil.copy(folder / "onnx/prior.onnx", folder / "onnx/decoder.onnx")
    with pytest.raises(BundleError, match="damaged"):
        model.run("decoder", LATENT)


def test_two_bundles_of_one_id_are_refused_and_the_first_stays(tiny_bundle: Path, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "other", bundle_id="tiny", weights_seed=1)
    engine = Engine([tiny_bundle])
    with pytest.raises(BundleError, match="Two bundles are called 'tiny'") as refused:
        engine.add(tmp_path / "other")
    sentence(refused.value)
    assert engine.model("tiny").folder == tiny_bundle


def test_one_folder_named_twice_is_one_model(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tiny_bundle)
    engine = Engine([tiny_bundle, str(tiny_bundle), tmp_path / "link"])
    assert list(engine.models) == ["tiny"]


@pytest.mark.parametrize("model_id", ["nobody", "", "x" * 10_000, "a\nb", None, 3])
def test_an_unknown_id_is_answered_with_those_there_are(
    tiny_bundle: Path, conditional_bundle: Path, model_id: str
) -> None:
    with pytest.raises(UnknownModelError, match="there are tiny, tiny-conditional") as refused:
        Engine([tiny_bundle, conditional_bundle]).model(model_id)
    sentence(refused.value)


def test_bad_inputs_do_not_even_open_the_model(tiny_bundle: Path) -> None:
    model = Engine([tiny_bundle]).model("tiny")
    with pytest.raises(RequestError):
        model.run("decoder", {"z": np.full((1, 8), np.nan)})
    assert not is_open(model)

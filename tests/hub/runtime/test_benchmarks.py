"""``hub.runtime.bench`` and ``benchmarks``: every variant on every provider, one run at a time, stopped when asked."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from hub.errors import RequestError
from hub.runtime.bench import BATCHES, StoppedError, measure
from hub.runtime.benchmarks import Benchmarks
from hub.runtime.engine import Engine, Model
from hub.runtime.session import available_providers
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle


@pytest.fixture
def model(tiny_bundle: Path) -> Model:
    return Engine([tiny_bundle]).models["tiny"]


def test_every_variant_is_timed_on_every_provider_and_progress_only_rises() -> None:
    model = Engine(["gan-fashion"]).models["gan-fashion"]
    told: list[float] = []
    cells = measure(model.resolved, 3, progress=told.append)
    assert {(cell.variant, cell.provider) for cell in cells} == {
        (variant, provider) for variant in model.bundle.variants for provider in available_providers()
    }
    assert all(set(cell.milliseconds) == set(BATCHES) or cell.refused for cell in cells)
    assert all(took > 0 for cell in cells for took in cell.milliseconds.values())
    assert told == sorted(told) and 0 <= told[0] < told[-1] <= 1


def test_no_new_round_begins_once_time_is_up(model: Model) -> None:
    began: list[float] = []
    measure(model.resolved, 10_000, seconds=0.0001, progress=began.append)
    cells = len(model.bundle.variants) * len(available_providers())
    assert len(began) <= 6 * cells


def test_a_variant_whose_files_are_not_there_says_so_while_the_others_are_timed(tmp_path: Path) -> None:
    bundle = Engine(["gan-fashion"]).models["gan-fashion"]
    for file in bundle.bundle.all_files("int8"):
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_bytes((bundle.folder / file.path).read_bytes())
    cells = {cell.variant: cell for cell in measure(replace(bundle.resolved, folder=tmp_path), 1)}
    assert "missing" in cells["fp32"].refused and cells["int8"].milliseconds


def test_what_was_measured_is_remembered_by_the_next_process_but_not_for_another_bundle(
    model: Model, tmp_path: Path
) -> None:
    assert Benchmarks().measured(model) == []
    cells = Benchmarks().start(model, "ann", 2).cells()
    assert cells and Benchmarks().measured(model) == cells
    write_tiny_bundle(tmp_path / "other", weights_seed=1)
    assert Benchmarks().measured(Engine([tmp_path / "other"]).models["tiny"]) == []


def test_two_at_once_are_refused_naming_the_one_under_way_and_a_third_goes_on(model: Model) -> None:
    benchmarks = Benchmarks()
    first = benchmarks.start(Engine(["vae-fashion"]).models["vae-fashion"], "ann", 100)
    with pytest.raises(RequestError) as refused:
        benchmarks.start(model, "bob")
    assert "'vae-fashion' is under way" in sentence(refused.value)
    assert benchmarks.stop("bob") is False, "only who started it may end it"
    assert benchmarks.stop("ann") is True
    with pytest.raises(StoppedError):
        first.cells()
    assert benchmarks.start(model, "bob", 1).cells()
    assert benchmarks.stop("bob") is False, "it is over"


def test_what_was_stopped_is_not_remembered_and_its_thread_ends(model: Model) -> None:
    benchmarks = Benchmarks()
    slow = Engine(["vae-fashion"]).models["vae-fashion"]
    run = benchmarks.start(slow, "ann", 100)
    run.stop.set()
    assert run.over.wait(20)
    assert benchmarks.measured(slow) == []
    for thread in threading.enumerate():
        if thread.name == "benchmark":
            thread.join(5)
            assert not thread.is_alive()


@pytest.mark.parametrize("runs", [0, -1, 101, 1.5, "3", None, True])
def test_a_number_of_runs_that_makes_no_sense_is_refused(model: Model, runs: object) -> None:
    with pytest.raises(RequestError) as refused:
        Benchmarks().start(model, "ann", runs)  # type: ignore[arg-type]
    assert "runs" in sentence(refused.value)

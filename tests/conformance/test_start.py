"""Every family begins a run with the weights of a bundle, and with nothing else of it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.conformance.conftest import smoke
from tests.training.commands import start
from training.checkpoint import latest_checkpoint, load_run, read_run_info
from training.config import RunConfig
from training.data.dataset import absent_data
from training.ema import EMA
from training.errors import TrainingError
from training.family import FAMILIES, Trainer, load_family
from training.precision import new_accelerator
from training.start import begin, read_beginning


def untrained(run: Path, config: RunConfig) -> Trainer:
    """A trainer of the family of `run`, with weights of its own."""
    info = read_run_info(latest_checkpoint(run))
    torch.manual_seed(1234)
    data = absent_data(info.data_info(), config.image_size, config.channels)
    return load_family(info.family).Trainer(config, data, new_accelerator(cpu=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_nets_and_averages_begin_as_the_bundle_is(
    family: str, smoke_run: Callable[[str], Path], exported: Callable[[str], Path]
) -> None:
    run = smoke_run(family)
    learned = load_run(run)
    trainer = untrained(run, learned.config)
    assert weights(trainer).keys() == weights(learned).keys() and not alike(trainer, learned)
    begin(trainer, read_beginning(exported(family), family))
    assert alike(trainer, learned)
    modules = trainer.modules()
    for name, average in modules.items():
        if isinstance(average, EMA):
            live = modules[name.removesuffix("_ema")].state_dict()
            assert all(torch.equal(value, live[key]) for key, value in average.average.state_dict().items())
            assert average.images_seen == 0


def test_low_light_begins_with_what_a_denoiser_learned_of_noise(
    smoke_run: Callable[[str], Path], exported: Callable[[str], Path]
) -> None:
    own_settings = replace(load_run(smoke_run("lowlight")).config, channels=1)
    trainer = untrained(smoke_run("lowlight"), own_settings)
    before = {name: value.clone() for name, value in weights(trainer).items()}
    learned = weights(load_run(smoke_run("denoiser")))
    begin(trainer, read_beginning(exported("denoiser"), "lowlight"))
    for name, value in weights(trainer).items():
        own = name.removeprefix("translator.denoiser.")
        expected = before[name] if own == name else learned[f"translator.{own}"]
        assert torch.equal(value, expected), name


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    graphs = trainer.inference_modules()
    return {f"{name}.{key}": value for name, graph in graphs.items() for key, value in graph.state_dict().items()}


def alike(first: Trainer, second: Trainer) -> bool:
    """Up to what an autoencoder's whitening rounds."""
    theirs = weights(second)
    return all(torch.allclose(value, theirs[name], rtol=1e-4, atol=1e-5) for name, value in weights(first).items())


def test_the_command_begins_there_goes_on_from_its_own_checkpoints_and_its_card_says_where(
    smoke_run: Callable[[str], Path], exported: Callable[[str], Path], tmp_path: Path
) -> None:
    bundle, run = tmp_path / "theirs", tmp_path / "run"
    shutil.copytree(exported("gan"), bundle)
    code, _, errors = start(*smoke("gan", run), "--start", bundle, "--max-steps", "2").finish()
    assert code == 0, errors
    shutil.rmtree(bundle)  # what the run needs of it lies in its checkpoints
    code, _, errors = start("train", "gan", "--resume", run, "--max-steps", "3").finish()
    assert code == 0, errors
    info = read_run_info(latest_checkpoint(run))
    assert info.step == 3
    assert info.notes[0].startswith("Began with the weights of `theirs`: 40 steps in ")
    assert "--start theirs" in info.command and str(tmp_path) not in info.notes[0]


def test_what_does_not_fit_is_one_sentence(
    smoke_run: Callable[[str], Path], exported: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"is no bundle to begin with: it needs a config\.json"):
        read_beginning(tmp_path, "gan")
    with pytest.raises(TrainingError, match=r"holds weights of gan; cgan cannot begin with them\.$"):
        read_beginning(exported("gan"), "cgan")
    run = smoke_run("gan")
    config = replace(read_run_info(run).family_config(), width=12)  # type: ignore[call-arg]
    with pytest.raises(TrainingError, match=r"do not fit these settings: they were learned with --width 8\.$"):
        begin(untrained(run, config), read_beginning(exported("gan"), "gan"))
    damaged = tmp_path / "damaged"
    shutil.copytree(exported("gan"), damaged)
    (damaged / "model.safetensors").write_bytes((damaged / "model.safetensors").read_bytes()[:-9])
    with pytest.raises(TrainingError, match="are damaged"):
        begin(untrained(run, replace(config, width=8)), read_beginning(damaged, "gan"))  # type: ignore[call-arg]
    code, _, errors = start(*smoke("gan", tmp_path / "run"), "--start", tmp_path / "nowhere").finish()
    assert code == 2 and len(errors.splitlines()) == 1 and not (tmp_path / "run" / "config.json").exists()
    assert json.loads((exported("gan") / "config.json").read_text())["config"]["start"] is None

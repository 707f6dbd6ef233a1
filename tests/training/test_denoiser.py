"""What the denoiser promises: it takes any size, begins by changing nothing, and can be told the noise."""

import pytest
import torch

from training.data.dataset import read_parquet
from training.errors import TrainingError
from training.families.denoiser import NOISE_LEVELS, Config, Denoiser, Trainer
from training.pixels import to_float
from training.precision import new_accelerator
from training.restorer import TOLD

from .commands import TINY


def briefly_trained(told: bool) -> Trainer:
    torch.manual_seed(0)
    data = read_parquet(TINY, 32, 1)
    config = Config(width=8, batch_size=32, told=told, ema_half_life=100)
    trainer = Trainer(config, data, new_accelerator(cpu=True))
    for _ in range(60):
        trainer.step({"image": to_float(data.train.images[:32])})
    return trainer


@pytest.fixture(scope="module")
def told() -> Trainer:
    return briefly_trained(told=True)


@pytest.mark.parametrize("size", [(28, 28), (32, 64), (100, 36)])
@pytest.mark.parametrize("told", [False, True])
def test_an_untrained_denoiser_gives_back_the_picture_at_any_size(size: tuple[int, int], told: bool) -> None:
    noisy = torch.rand(2, 1, *size) * 2 - 1
    with torch.no_grad():
        assert torch.equal(Denoiser(Config(width=8), told, 50)(noisy, torch.full_like(noisy, 25)), noisy)


def test_a_window_that_does_not_divide_is_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--crop must be a multiple of 4, not 30\.$"):
        Config(crop=30)


@torch.no_grad()
def test_told_of_more_noise_it_takes_more_out_there_and_nowhere_else(told: Trainer) -> None:
    net = told.restorer_ema.average
    noisy = to_float(told.data.val.images[:8, :28, :28])
    weak, strong = (net(noisy, torch.full_like(noisy, level)) for level in (5.0, 50.0))
    taken = [float((noisy - each).square().mean()) for each in (weak, strong)]
    assert taken[1] > 1.5 * taken[0]
    wide = torch.cat([noisy] * 4, dim=3)
    level = torch.full_like(wide, 5.0)
    both = net(wide, level.index_fill(3, torch.arange(56, 112), 50.0))
    assert torch.allclose(both[..., :28], net(wide, level)[..., :28], atol=1e-5)
    assert torch.allclose(both[..., 84:], net(wide, level.fill_(50.0))[..., 84:], atol=1e-5)


@torch.no_grad()
def test_any_level_below_zero_says_that_it_is_not_known(told: Trainer) -> None:
    net, noisy = told.restorer_ema.average, to_float(told.data.val.images[:8])
    unknown, other, none = (net(noisy, torch.full_like(noisy, level)) for level in (-1.0, -0.25, 0.0))
    assert torch.equal(unknown, other)
    assert not torch.allclose(unknown, none, atol=1e-3), "no noise is something else than nobody knows"


def test_it_is_measured_blind_and_told(told: Trainer) -> None:
    found = told.evaluate()
    blind = [f"{kind}psnr_sigma_{level}" for level in NOISE_LEVELS for kind in ("", "noisy_")]
    assert found.keys() == {*blind, *(f"{key}/{TOLD}" for key in blind)}
    assert all(found[f"noisy_psnr_sigma_{level}"] < found[f"psnr_sigma_{level}"] for level in NOISE_LEVELS)
    assert any(found[f"psnr_sigma_{level}"] != found[f"psnr_sigma_{level}/{TOLD}"] for level in NOISE_LEVELS)


def test_one_that_can_be_told_begins_with_the_weights_of_a_blind_one_and_as_deaf() -> None:
    blind, told = (
        briefly_trained(told=False),
        Trainer(Config(width=8, told=True), read_parquet(TINY, 32, 1), new_accelerator(cpu=True)),
    )
    net = told.inference_modules()["translator"]
    net.load_state_dict(blind.inference_modules()["translator"].state_dict())
    noisy = to_float(blind.data.val.images[:4])
    with torch.no_grad():
        same = blind.restorer_ema.average(noisy)
        for level in (-1.0, 0.0, 30.0):
            assert torch.allclose(net(noisy, torch.full_like(noisy, level)), same, atol=1e-6)
    net.load_state_dict(net.state_dict())
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict(Denoiser(Config(width=8, channels=3)).state_dict())


def test_a_blind_one_takes_pictures_alone() -> None:
    blind = briefly_trained(told=False)
    with torch.no_grad():
        blind.restorer(to_float(blind.data.val.images[:2]))
    assert f"psnr_sigma_25/{TOLD}" not in blind.evaluate()

"""What the brightener promises: any size, three stops at the beginning, and no number that overflows half precision."""

import pytest
import torch

from training.damage import to_linear, to_srgb
from training.data.dataset import read_parquet
from training.errors import TrainingError
from training.families import lowlight
from training.families.lowlight import Brightener, Config, thinned
from training.pixels import to_float
from training.precision import new_accelerator

from .commands import TINY


@pytest.mark.parametrize("size", [(32, 32), (48, 80)])
def test_an_untrained_brightener_exposes_for_three_stops_more_at_any_size(size: tuple[int, int]) -> None:
    clean = torch.rand(2, 3, *size) * 2 - 1
    dark = to_srgb(to_linear((clean + 1) / 2) / 8) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(Brightener(Config(width=8)).eval()(dark), clean, atol=1e-4)


def test_at_the_exposure_that_it_is_told_only_noise_is_left_to_learn() -> None:
    clean = torch.rand(2, 3, 32, 32) * 2 - 1
    stops = torch.tensor([1.0, 4.0])
    dark = to_srgb(to_linear((clean + 1) / 2) * torch.exp2(-stops)[:, None, None, None]) * 2 - 1
    others = torch.rand(5, 3, 48, 32) * 2 - 1
    with torch.no_grad():
        told, read = Brightener(Config(width=8)).eval()(dark, stops, others)
    assert torch.allclose(told, clean, atol=1e-4)
    assert read.shape == (5, 1, 48, 32) and (read == 3).all()


@pytest.mark.parametrize("side", [32, 128, 256, 272])
def test_a_thinned_picture_is_of_whole_squares_of_all_of_it(side: int) -> None:
    places = torch.arange(side // 4).repeat_interleave(4)
    down, across = (each.expand(side, side) for each in (places[:, None], places))
    squares = thinned(torch.stack([down, across])[None].float())[0]
    assert squares.shape[1] == squares.shape[2] >= min(side, 64)
    rows = squares[0, :, 0].view(-1, 4)
    assert torch.equal(rows, rows[:, :1].expand(-1, 4)), "a square is not torn"
    steps = rows[:, 0].diff()
    assert (steps == steps[0]).all() and steps.sum() > 0.8 * (side // 4 - 1)
    columns = squares[1, 0].view(-1, 4)
    assert torch.equal(columns, columns[:, :1].expand(-1, 4)) and torch.equal(columns[:, 0].diff(), steps)


def test_the_exposure_is_learned_from_whole_pictures_and_does_not_touch_the_net() -> None:
    torch.manual_seed(0)
    data = read_parquet(TINY, 32, 1)
    config = Config(image_size=32, channels=1, width=8, crop=16, batch_size=32, learning_rate=1e-2)
    trainer = lowlight.Trainer(config, data, new_accelerator(cpu=True))
    net, meter = trainer.groups()
    assert len(net["params"]) + len(meter["params"]) == len(list(trainer.restorer.parameters()))
    assert (meter["lr"], meter["weight_decay"]) == (config.meter_learning_rate, config.meter_decay)
    batch = {"image": to_float(data.train.images[:32])}
    errors = [float(trainer.step(batch)["exposure_mse"]) for _ in range(80)]
    assert sum(errors[-10:]) < 0.5 * sum(errors[:10])
    trainer.optimizer.zero_grad()
    trainer.errors(batch["image"])["exposure_mse"].sum().backward()
    assert all(each.grad is None for each in net["params"]) and all(each.grad is not None for each in meter["params"])


def test_a_picture_has_one_exposure_and_a_large_one_changes_it_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = Brightener(Config(width=8)).eval()
    torch.nn.init.normal_(net.meter.stops.weight)
    found = []
    monkeypatch.setattr(lowlight, "exposed", lambda picture, stops: found.append(stops) or picture)  # type: ignore[func-returns-value]
    with torch.no_grad():
        for width in (64, 256, 1024):
            net(torch.rand(1, 3, 32, width) * torch.linspace(0, 2, width) - 1)
    small, whole, large = found
    assert small.amax() - small.amin() < 1e-5 and whole.amax() - whole.amin() < 1e-5
    assert large.amax() - large.amin() > 0.01
    assert large.diff(dim=3).abs().max() < 0.02 * (large.amax() - large.amin())


def test_the_gain_is_bounded() -> None:
    net = Brightener(Config(width=8)).eval()
    torch.nn.init.constant_(net.meter.stops.bias, 1e3)  # type: ignore[arg-type]
    with torch.no_grad():
        assert torch.isfinite(net(torch.ones(1, 3, 32, 32)).half()).all()


def test_settings_that_cannot_work_are_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--crop must be a multiple of 16, not 40\.$"):
        Config(crop=40)
    with pytest.raises(TrainingError, match=r"^--max-stops must be at least 3, not 2\.$"):
        Config(min_stops=3, max_stops=2)
    with pytest.raises(TrainingError, match=r"^--dropout must be at least 0 and below 1, not 1\.0\.$"):
        Config(dropout=1.0)

"""What the brightener promises: any size, one exposure, and no number that overflows half precision."""

import pytest
import torch
from torch.nn import functional as F

from training.damage import darken, to_linear, to_srgb
from training.data.dataset import read_parquet
from training.errors import TrainingError
from training.families import lowlight
from training.families.lowlight import Brightener, Config, LightMeter, thinned
from training.pixels import to_float
from training.precision import new_accelerator

from .commands import TINY


def shortened(clean: torch.Tensor, stops: torch.Tensor) -> torch.Tensor:
    """Pictures in [-1, 1] with so many stops less light, and nothing else done to them."""
    return to_srgb(to_linear((clean + 1) / 2) * torch.exp2(-stops)[:, None, None, None]) * 2 - 1


@pytest.fixture
def reading() -> LightMeter:
    """A meter that has not learned anything, but does not say what it began with either."""
    torch.manual_seed(0)
    meter = LightMeter(0.2).eval()
    torch.nn.init.normal_(meter.below.weight, std=0.3)
    return meter


@pytest.mark.parametrize("size", [(32, 32), (48, 80)])
def test_an_untrained_brightener_exposes_until_the_brightest_is_white_at_any_size(size: tuple[int, int]) -> None:
    clean = torch.rand(2, 3, *size) * 2 - 1
    clean[:, :, :4, :4] = 1
    dark = shortened(clean, torch.tensor([2.0, 4.5]))
    with torch.no_grad():
        assert torch.allclose(Brightener(Config(width=8)).eval()(dark), clean, atol=0.01)


def test_it_exposes_by_what_it_is_told_and_finds_out_where_it_is_told_nothing(reading: LightMeter) -> None:
    net = Brightener(Config(width=8)).eval()
    net.meter = reading
    clean = torch.rand(3, 3, 32, 32) * 1.9 - 1
    stops = torch.tensor([1.0, 4.0, 2.0])
    dark = shortened(clean, stops)
    level = stops[:, None, None, None].expand(-1, 1, 32, 32).clone()
    level[2] = -1
    with torch.no_grad():
        told, blind = net(dark, level), net(dark)
    assert torch.allclose(told[:2], clean[:2], atol=1e-4)
    assert torch.equal(told[2], blind[2]) and not torch.allclose(blind, clean, atol=0.05)


def test_what_is_told_far_too_long_an_exposure_stays_where_numbers_are_small() -> None:
    net = Brightener(Config(width=8)).eval()
    with torch.no_grad():
        bright = net(torch.ones(1, 3, 32, 32), torch.full((1, 1, 1, 1), 5.0))
    assert torch.allclose(bright, torch.tensor(lowlight.BRIGHTEST))


def test_noise_is_also_taken_out_at_exposures_that_are_off_and_compared_with_what_is_right_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    data = read_parquet(TINY, 32, 1)
    config = Config(image_size=32, channels=1, width=8, crop=32, batch_size=32, misread=0.7)
    trainer = lowlight.Trainer(config, data, new_accelerator(cpu=True))
    monkeypatch.setattr(trainer, "damage", lambda clean, stops, _: shortened(clean, stops))
    given: list[torch.Tensor] = []
    trainer.restorer.register_forward_pre_hook(lambda _, arguments: given.append(arguments[1].flatten()))
    monkeypatch.setattr(trainer, "random_levels", lambda count: torch.full((count,), 3.0))
    found = trainer.errors({"image": to_float(data.train.images[:32])}["image"])
    assert given[0].std() == pytest.approx(0.7, rel=0.5), "exposures are off"
    assert found["mse"].max() < 1e-4, "an untrained net exposes by what it is given, and has no noise to take out"


def test_at_the_exposure_that_it_is_told_only_noise_is_left_to_learn() -> None:
    clean = torch.rand(2, 3, 32, 32) * 2 - 1
    stops = torch.tensor([1.0, 4.0])
    others = torch.rand(5, 3, 48, 32) * 2 - 1
    with torch.no_grad():
        net = Brightener(Config(width=8)).eval()
        told, read = net(shortened(clean, stops), stops[:, None, None, None].expand(-1, 1, 32, 32), others)
    assert torch.allclose(told, clean, atol=1e-4)
    assert torch.equal(read, net.meter(others)) and read.shape == (5,)


def test_a_picture_taken_shorter_is_read_darker_by_as_much(reading: LightMeter) -> None:
    torch.nn.init.zeros_(
        reading.get_parameter("read.1.weight")[:, -1:]
    )  # what says how bright the brightest is as such
    clean = F.interpolate(torch.rand(4, 3, 16, 16), scale_factor=4.0) * 0.8 + 0.2  # whole tones, none near DARKEST
    base = to_srgb(to_linear(clean) / 2) * 2 - 1
    with torch.no_grad():
        first = reading(base)
        moved = [reading(shortened(base, torch.full((4,), stops))) - first for stops in (0.5, 1.0, 1.7)]
    assert first.std() > 0.01
    for stops, by in zip((0.5, 1.0, 1.7), moved, strict=True):
        assert (by - stops).abs().max() < 0.1


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
    stops = torch.linspace(1, 5, 32)
    dark = darken(batch["image"], stops, torch.Generator().manual_seed(0))

    def missed() -> float:
        with torch.no_grad():
            return float((trainer.restorer.meter.eval()(dark) - stops).abs().mean())

    before = missed()
    trainer.restorer.train()
    for _ in range(80):
        trainer.step(batch)
    assert missed() < 0.6 * before  # five seeds end at 0.46 to 0.51
    trainer.restorer.train()
    trainer.optimizer.zero_grad()
    trainer.errors(batch["image"])["exposure_mse"].sum().backward()
    assert all(each.grad is None for each in net["params"]) and all(each.grad is not None for each in meter["params"])


def test_a_picture_has_one_exposure_however_large_and_its_gain_is_bounded(reading: LightMeter) -> None:
    net = Brightener(Config(width=8)).eval()
    net.meter = reading
    wide = torch.rand(1, 3, 32, 1024) * torch.linspace(0, 2, 1024) - 1
    with torch.no_grad():
        ratio = to_linear((net(wide) + 1) / 2) / to_linear((wide + 1) / 2)
        assert torch.allclose(ratio[wide > -0.9], torch.exp2(reading(wide)), rtol=1e-3)
        torch.nn.init.constant_(reading.below.bias, -1e3)
        assert torch.isfinite(net(torch.ones(1, 3, 32, 32)).half()).all()
        assert reading(-torch.ones(1, 3, 32, 32)) == lowlight.MOST_STOPS


def test_settings_that_cannot_work_are_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--crop must be a multiple of 4, not 42\.$"):
        Config(crop=42)
    with pytest.raises(TrainingError, match=r"^--max-stops must be at least 3, not 2\.$"):
        Config(min_stops=3, max_stops=2)
    with pytest.raises(TrainingError, match=r"^--dropout must be at least 0 and below 1, not 1\.0\.$"):
        Config(dropout=1.0)

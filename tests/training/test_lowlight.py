"""What the brightener promises: any size, three stops at the beginning, and no number that overflows half precision."""

import pytest
import torch

from training.damage import to_linear, to_srgb
from training.errors import TrainingError
from training.families import lowlight
from training.families.lowlight import Brightener, Config


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
    with torch.no_grad():
        own, told = Brightener(Config(width=8)).eval()(dark, stops)
    assert torch.allclose(told, clean, atol=1e-4) and not torch.allclose(own, clean, atol=0.1)


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

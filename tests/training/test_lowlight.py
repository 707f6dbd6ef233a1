"""What the brightener promises: any size, no change at the beginning, and no number that overflows half precision."""

import pytest
import torch

from training.errors import TrainingError
from training.families.lowlight import Brightener, Config


@pytest.mark.parametrize("size", [(32, 32), (48, 80)])
def test_an_untrained_brightener_gives_back_the_picture_at_any_size(size: tuple[int, int]) -> None:
    dark = torch.rand(2, 3, *size) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(Brightener(Config(width=8))(dark), dark, atol=1e-6)


def test_the_gain_is_bounded() -> None:
    net = Brightener(Config(width=8))
    torch.nn.init.constant_(net.head[0].bias, 1e3)  # type: ignore[arg-type]
    with torch.no_grad():
        assert torch.isfinite(net(torch.ones(1, 3, 32, 32)).half()).all()


def test_settings_that_cannot_work_are_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--crop must be a multiple of 16, not 40\.$"):
        Config(crop=40)
    with pytest.raises(TrainingError, match=r"^--max-stops must be at least 3, not 2\.$"):
        Config(min_stops=3, max_stops=2)

"""Order, averages and learning rates: pure functions of how far a run is."""

import numpy as np
import pytest
import torch
from torch import nn

from training.data.order import ShuffledOrder
from training.ema import EMA
from training.schedule import BudgetSchedule


def test_every_epoch_holds_every_image_once() -> None:
    order = ShuffledOrder(10, seed=1)
    drawn = np.concatenate([order.next(4) for _ in range(5)])
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))
    assert list(drawn[:10]) != list(drawn[10:])


def test_batches_larger_than_the_data_are_full() -> None:
    assert len(ShuffledOrder(3, seed=0).next(8)) == 8


def test_order_goes_on_from_a_position_as_if_never_stopped() -> None:
    straight, stopped, resumed = (ShuffledOrder(7, seed=5) for _ in range(3))
    expected = [straight.next(3) for _ in range(6)]
    for _ in range(4):
        stopped.next(3)
    resumed.load_state_dict(stopped.state_dict())
    assert np.array_equal(resumed.next(3), expected[4])


def test_two_processes_share_the_epoch_without_overlap() -> None:
    first, second, alone = ShuffledOrder(8, 2, 0, 2), ShuffledOrder(8, 2, 1, 2), ShuffledOrder(8, 2)
    together = np.concatenate([first.next(4), second.next(4)])
    assert np.array_equal(together, alone.next(8))


def test_learning_rate_ends_low_however_the_budget_is_counted() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    schedule = BudgetSchedule(optimizer, warmup_steps=10, end=0.8, final=0.01)
    rates = {}
    for step, fraction in ((0, 0.0), (50, 0.0), (60, 0.4), (70, 0.8), (80, 1.0)):
        schedule.advance(step, fraction)
        rates[step] = optimizer.param_groups[0]["lr"]
    assert rates[0] == pytest.approx(0.2)  # one tenth of the warm-up
    assert rates[50] == pytest.approx(2.0)
    assert rates[60] == pytest.approx(1.01)  # half way down
    assert rates[70] == rates[80] == pytest.approx(0.02)


def test_average_forgets_its_start_on_a_short_run() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    ema = EMA(net, half_life=1e9)
    nn.init.ones_(net.weight)
    for _ in range(200):
        ema.update(net, images=10)
    assert ema.average.weight.item() > 0.999
    assert not ema.average.training and not ema.average.weight.requires_grad


def test_average_has_the_stated_half_life() -> None:
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    ema = EMA(net, half_life=100)
    ema.images_seen += 1e6
    nn.init.ones_(net.weight)
    for _ in range(10):
        ema.update(net, images=10)
    assert ema.average.weight.item() == pytest.approx(0.5)

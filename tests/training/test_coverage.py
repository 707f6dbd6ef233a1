"""Coverage: the sample nearest to each training picture is found, and drawn closer."""

from types import ModuleType

import pytest
import torch
from torch import Tensor

from training.coverage import OF_A_KIND, POOL, REFRESH, Coverage, thumbnails
from training.data.dataset import read_parquet
from training.families import cgan, gan
from training.pixels import to_float
from training.precision import new_accelerator

from .commands import TINY

ANY = torch.zeros(1, dtype=torch.long)


def paint(noise: Tensor, kind: Tensor = ANY) -> Tensor:
    """A flat picture of each noise float [N, 3], in the colour that its numbers are: float [N, 3, 32, 32]."""
    return noise[:, :, None, None].expand(-1, -1, 32, 32)


def test_a_thumbnail_is_what_is_where_and_no_larger_than_the_picture() -> None:
    halves = torch.cat([torch.zeros(1, 3, 32, 64), torch.ones(1, 3, 32, 64)], dim=2)
    assert torch.equal(thumbnails(halves).view(3, 16, 16), torch.cat([torch.zeros(3, 8, 16), torch.ones(3, 8, 16)], 1))
    small = torch.rand(2, 1, 8, 4)
    assert torch.equal(thumbnails(small), small.flatten(1))


def test_for_each_picture_there_is_the_noise_of_the_sample_nearest_to_it() -> None:
    torch.manual_seed(0)
    coverage, wanted = Coverage(), torch.tensor([[1.0, 0.0, -1.0], [-1.0, 0.5, 0.5]])
    found = coverage.nearest(paint(wanted), ANY, 3, paint)
    pool = coverage.noise
    assert pool.shape == (POOL, 3)
    for each, near in zip(wanted, found, strict=True):
        assert (each - near).norm() == (pool - each).norm(dim=1).min() < 0.5


def test_a_picture_of_a_kind_is_matched_with_samples_of_that_kind() -> None:
    coverage, asked = Coverage(kinds=3), []

    def noted(noise: Tensor, kind: Tensor) -> Tensor:
        asked.append(kind)
        return paint(noise)

    wanted = paint(torch.zeros(3, 3))
    found = coverage.nearest(wanted, torch.arange(3), 3, noted)
    kinds = torch.cat(asked)
    assert kinds.bincount().tolist() == [171, 171, 170]
    for kind, near in enumerate(found):
        own = coverage.noise[kinds == kind]
        assert torch.equal(near, own[own.norm(dim=1).argmin()])


def test_no_kind_is_left_without_samples_however_many_there_are() -> None:
    coverage = Coverage(kinds=POOL + 1)
    last = torch.tensor([POOL])
    near = coverage.nearest(paint(torch.zeros(1, 3)), last, 3, lambda noise, kind: paint(noise))
    own = coverage.noise[POOL :: POOL + 1]
    assert len(own) == OF_A_KIND
    assert torch.equal(near[0], own[own.norm(dim=1).argmin()])


def test_the_pool_is_renewed_now_and_then_and_a_resumed_run_goes_on_with_the_same() -> None:
    torch.manual_seed(0)
    coverage, resumed, made = Coverage(), Coverage(), []

    def counted(noise: Tensor, kind: Tensor) -> Tensor:
        made.append(len(noise))
        return paint(noise)

    images = paint(torch.zeros(1, 3))
    first = coverage.nearest(images, ANY, 3, counted)
    resumed.load_state_dict(coverage.state_dict())
    for _ in range(REFRESH - 1):
        assert torch.equal(coverage.nearest(images, ANY, 3, counted), first)
        assert torch.equal(resumed.nearest(images, ANY, 3, counted), first)
    assert sum(made) == POOL
    assert not torch.equal(coverage.nearest(images, ANY, 3, counted), first)
    assert sum(made) == 2 * POOL


def test_a_checkpoint_goes_on_where_the_pictures_are() -> None:
    coverage = Coverage()
    coverage.nearest(paint(torch.zeros(1, 3)), ANY, 3, paint)
    found = coverage.nearest(paint(torch.zeros(2, 3, device="meta")), ANY.to("meta"), 3, paint)
    assert found.device.type == "meta" and found.shape == (2, 3)


@pytest.mark.parametrize("family", [gan, cgan])
def test_samples_come_closer_to_the_pictures_that_they_are_nearest_to(family: ModuleType) -> None:
    data = read_parquet(TINY, 32, 1)
    torch.manual_seed(0)
    config = family.Config(width=4, cover=100.0, learning_rate=2e-3)
    trainer = family.Trainer(config, data, new_accelerator(cpu=True))
    batch = {"image": to_float(data.train.images[:32]), "label": torch.from_numpy(data.train.labels[:32])}
    distances = [float(trainer.step(batch)["distance"]) for _ in range(40)]
    assert min(distances[-5:]) < 0.5 * distances[0]
    assert "coverage" in trainer.modules()


def test_without_it_nothing_is_matched_or_saved() -> None:
    data = read_parquet(TINY, 32, 1)
    trainer = gan.Trainer(gan.Config(width=4), data, new_accelerator(cpu=True))
    batch = {"image": to_float(data.train.images[:8]), "label": torch.from_numpy(data.train.labels[:8])}
    assert "distance" not in trainer.step(batch)
    assert "coverage" not in trainer.modules()

"""What CycleGAN promises: no pair is learned from, both ways are trained, and the cheap way costs one generator."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from training.config import Pairing
from training.contrastive import PatchProjection, patch_contrast
from training.data.dataset import DataInfo, ImageData, Split
from training.data.open import open_data
from training.data.unpaired_folder import read_unpaired
from training.errors import TrainingError
from training.families import denoiser
from training.families.cyclegan import PRESETS, Config, Trainer
from training.families.denoiser import Denoiser
from training.loop import Feed
from training.nets.noise import Noisy
from training.nets.unpaired import Discriminators, Restoring, TwoWay
from training.nets.vision import VisionDiscriminator
from training.pool import ImagePool
from training.precision import new_accelerator
from training.translation import retrieval, unpaired_metrics

from .commands import TINY
from .evaluator import need_imagenet

PAIRED_TINY = TINY.with_name("noto-fluent_tiny.parquet")
SMOKE = PRESETS["smoke"]
RESTORE = replace(SMOKE, source_noise=0.1, identity=0.0)
UNPAIRED = Pairing("unpaired", "AtoB")


@pytest.fixture(scope="module")
def data() -> ImageData:
    return open_data(str(PAIRED_TINY), 64, 3, pairing=UNPAIRED)


def numbered(count: int) -> np.ndarray:
    """Pictures whose every pixel is their number, [N, 8, 8, 1]."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 8, 8, 1)).copy()


def test_training_draws_both_kinds_in_orders_of_their_own_and_goes_on_where_it_was() -> None:
    accelerator = new_accelerator(cpu=True)
    split = Split(numbered(10), np.zeros(10, np.int64), {}, numbered(6), aligned=False)

    def numbers(batch: dict[str, torch.Tensor], name: str) -> list[int]:
        return [round(value) for value in ((batch[name][:, 0, 0, 0] + 1) * 127.5).tolist()]

    feed = Feed(split, 0, accelerator)
    batches = [feed.next(4) for _ in range(15)]
    sources = [number for batch in batches for number in numbers(batch, "source")]
    images = [number for batch in batches for number in numbers(batch, "image")]
    assert all(sorted(sources[at : at + 6]) == list(range(6)) for at in range(0, 60, 6)), "every one once an epoch"
    assert len(set(zip(sources, images, strict=True))) > 30, "with ever other company"
    again = Feed(split, 0, accelerator)
    again.order.load_state_dict({"position": 28})
    assert torch.equal(again.next(4)["source"], batches[7]["source"])


def test_pairs_are_taken_apart_for_training_and_kept_to_measure_by(data: ImageData) -> None:
    assert not data.train.aligned and data.val.aligned and data.test.aligned
    back = open_data(str(PAIRED_TINY), 64, 3, pairing=Pairing("unpaired", "BtoA"))
    assert data.test.sources is not None
    assert np.array_equal(back.test.images, data.test.sources)


def write_kind(folder: Path, count: int, grey: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (40 + number, 50), (grey, number, 0)).save(folder / f"{grey}-{number}.png")


def test_two_folders_of_any_names_and_numbers_are_two_kinds(tmp_path: Path) -> None:
    write_kind(tmp_path / "A", 60, 10)
    write_kind(tmp_path / "B", 90, 200)
    (tmp_path / "B" / "note.txt").write_text("no picture")
    data = read_unpaired(tmp_path, 32, 3)
    counts = [(len(split.sources), len(split.images)) for split in (data.train, data.val, data.test)]  # type: ignore[arg-type]
    assert tuple(map(sum, zip(*counts, strict=True))) == (60, 90)
    assert data.train.sources is not None and (data.train.sources[..., 0] == 10).all()
    assert (data.train.images[..., 0] == 200).all() and not data.test.aligned
    assert data.info.notes == ["In B: Skipped 1 file (not an image): note.txt."]
    back = open_data(str(tmp_path), 32, 3, pairing=Pairing("unpaired", "BtoA"))
    assert (back.train.images[..., 0] == 10).all() and len(back.train.labels) == len(back.train)


def test_published_layouts_keep_their_test_pictures_apart(tmp_path: Path) -> None:
    for name, count, grey in (("trainA", 30, 1), ("trainB", 40, 2), ("testA", 5, 3), ("testB", 6, 4)):
        write_kind(tmp_path / name, count, grey)
    data = read_unpaired(tmp_path, 32, 3)
    assert data.test.sources is not None and data.train.sources is not None and data.val.sources is not None
    assert (len(data.test.sources), len(data.test.images)) == (5, 6)
    assert (data.test.sources[..., 0] == 3).all() and (data.train.images[..., 0] == 2).all()
    assert len(data.train.sources) + len(data.val.sources) == 30


def test_a_folder_that_lacks_a_kind_is_refused_in_one_sentence(tmp_path: Path) -> None:
    write_kind(tmp_path / "A", 3, 0)
    with pytest.raises(TrainingError, match=r"has no B in it; put pictures of one kind into A and of the other into B"):
        read_unpaired(tmp_path, 32, 3)


def test_a_pool_fills_first_and_then_exchanges_half() -> None:
    torch.manual_seed(0)
    pool = ImagePool(4)
    first = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 3, 2, 2)
    assert torch.equal(pool.exchange(first), first)
    old = sum(float((pool.exchange(first + 10 * step) < 10 * step).float().mean()) for step in range(1, 200)) / 199
    assert 0.3 < old < 0.7
    again = ImagePool(4)
    again.load_state_dict(pool.state_dict())
    assert torch.equal(torch.stack(again.kept), torch.stack(pool.kept))
    elsewhere = torch.empty(20, 3, 2, 2, device="meta")  # a checkpoint is read on the host
    assert again.exchange(elsewhere).device.type == "meta"
    again.load_state_dict(pool.state_dict())
    smaller = torch.zeros(4, 3, 1, 1)
    assert torch.equal(again.exchange(smaller), smaller), "kept ones of another size are forgotten"
    empty = ImagePool(0)
    assert torch.equal(empty.exchange(first), first) and not empty.state_dict()


def test_contrast_is_low_where_places_are_their_own_and_high_where_they_are_mixed_up() -> None:
    torch.manual_seed(0)
    projection = PatchProjection([8, 16])
    given = [torch.randn(2, 8, 16, 16), torch.randn(2, 16, 4, 4)]
    mixed = [each.flip(3) for each in given]
    same = patch_contrast(projection, given, given, 64)
    assert same < 0.5 * patch_contrast(projection, mixed, given, 64)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"identity": 0.0},
        {"cycle": 0.0, "contrastive": 1.0},
        {"augment": ("brightness",), "pool": 0},
        {"source_noise": 0.1, "identity": 0.0},
    ],
)
def test_a_step_moves_every_generator_under_every_recipe(data: ImageData, settings: dict[str, object]) -> None:
    trainer = Trainer(replace(SMOKE, **settings), data, new_accelerator(cpu=True))  # type: ignore[arg-type]
    before = {name: value.clone() for name, value in trainer.generators.state_dict().items()}
    losses = trainer.step(Feed(data.train, 0, trainer.accelerator).next(4))
    assert all(torch.isfinite(value) for value in losses.values())
    assert ("cycle" in losses) == trainer.config.two_way and ("contrastive" in losses) != trainer.config.two_way
    assert ("identity" in losses) == (trainer.config.identity > 0)
    after = trainer.generators.state_dict()
    parts = ("there", "back") if trainer.config.two_way else ("there", "projection")
    for part in parts:
        assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith(part))
    back_is_of_use = trainer.config.two_way and not trainer.config.source_noise
    assert set(trainer.inference_modules()) == ({"translator", "inverse"} if back_is_of_use else {"translator"})
    assert trainer.size_multiple == (4 if trainer.config.source_noise else None)


@pytest.mark.parametrize("way", [{}, {"cycle": 0.0, "contrastive": 1.0}, {"source_noise": 0.1, "identity": 0.0}])
def test_discriminators_that_know_pictures_learn_and_their_frozen_net_does_not(
    data: ImageData, way: dict[str, object]
) -> None:
    need_imagenet("Lite1")
    trainer = Trainer(replace(SMOKE, vision=0.5, **way), data, new_accelerator(cpu=True))  # type: ignore[arg-type]
    assert set(trainer.discriminators.vision) == set(trainer.kinds)
    judge = trainer.discriminators.vision[trainer.kinds[0]]
    assert isinstance(judge, VisionDiscriminator)
    (frozen,) = judge._net
    before, heads = ([each.clone() for each in net.state_dict().values()] for net in (frozen, judge.heads))
    losses = trainer.step(Feed(data.train, 0, trainer.accelerator).next(4))
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(torch.equal(*pair) for pair in zip(frozen.state_dict().values(), before, strict=True))
    assert not any(weight.requires_grad for weight in frozen.parameters())
    assert not any(torch.equal(*pair) for pair in zip(judge.heads.state_dict().values(), heads, strict=True))
    saved = sum(tensor.numel() for tensor in trainer.discriminators.vision.state_dict().values())
    assert saved < 400_000 * len(trainer.kinds), "the frozen net is no part of a checkpoint"


def test_training_begins_at_half_the_size_and_ends_at_the_whole(data: ImageData) -> None:
    trainer = Trainer(replace(SMOKE, image_size=128, half_size_until=0.5), data, new_accelerator(cpu=True))
    seen: list[int] = []
    trainer.generators.there.register_forward_hook(lambda module, given, made: seen.append(given[0].shape[-1]))
    batch = {name: torch.zeros(2, 3, 128, 128) for name in ("source", "image")}
    for fraction, size in ((0.0, 64), (0.49, 64), (0.5, 128)):
        trainer.generator_schedule.advance(1, fraction)
        seen.clear()
        trainer.step(batch)
        assert set(seen) == {size}


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_what_goes_back_is_as_noisy_as_the_setting_says_and_what_comes_out_is_not(noise: float) -> None:
    torch.manual_seed(0)
    net = TwoWay(torch.nn.Identity(), torch.nn.Identity(), noise)
    a, b = torch.zeros(2, 4, 3, 64, 64)
    fakes, losses = net(a, b, identity=False)
    assert torch.equal(fakes["b"], a) and torch.equal(fakes["a"], b)
    expected = 2 * noise * (2 / torch.pi) ** 0.5  # the mean of |x| of both, where x is normal
    assert losses["cycle"].item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_begins_white_and_as_strong_as_the_setting_says(channels: int) -> None:
    torch.manual_seed(0)
    image = torch.zeros(8, channels, 64, 64)
    noise = Noisy(channels, 0.2)(image)
    assert noise.shape == image.shape and noise.std().item() == pytest.approx(0.2, rel=0.02)
    beside = (noise[..., 1:] * noise[..., :-1]).mean() / noise.var()
    assert abs(beside.item()) < 0.02
    assert not torch.equal(noise, Noisy(channels, 0.2)(image)), "another time, other noise"
    loud = Noisy(channels, 3.0)(image)
    assert loud.min() == -1 and loud.max() == 1, "a picture all the same"


def test_the_noise_is_not_the_denoiser_s_to_choose() -> None:
    torch.manual_seed(0)
    noisy = Noisy(3, 0.1)
    net = Restoring(Denoiser(denoiser.Config(channels=3)), noisy)
    fakes, losses = net(*torch.rand(2, 2, 3, 64, 64), identity=False)
    losses["cycle"].backward()
    assert all(parameter.grad is None for parameter in net.back.parameters())
    assert any(parameter.grad is not None for parameter in net.there.parameters())
    fakes["a"].mean().backward()
    assert noisy.filters.weight.grad is not None


def test_the_noise_becomes_that_of_the_sources() -> None:
    random = np.random.default_rng(0)
    white = random.normal(0, 45, (48, 65, 64, 1))
    sources = (128 + (white[:, 1:] + white[:, :-1]) / 2**0.5).clip(0, 255).astype(np.uint8)  # alike from row to row
    split = Split(np.full((48, 64, 64, 1), 128, np.uint8), np.zeros(48, np.int64), {}, sources, aligned=False)
    slices = ImageData(DataInfo("grey", "", "", "", ""), 64, 1, lambda name: split)
    torch.manual_seed(0)
    config = replace(RESTORE, channels=1, learning_rate=1e-3, discriminator_learning_rate=1e-3, pool=0)
    trainer = Trainer(config, slices, new_accelerator(cpu=True))
    feed = Feed(split, 0, trainer.accelerator)

    def found() -> tuple[float, float, float]:
        """Its standard deviation beside that of the sources, and its correlations to the pixels below and beside."""
        with torch.random.fork_rng(), torch.no_grad():
            made = trainer.generators.back(torch.zeros(64, 1, 64, 64))
        below, beside = (made[..., 1:, :] * made[..., :-1, :]).mean(), (made[..., 1:] * made[..., :-1]).mean()
        return made.std().item() / (45 / 127.5), (below / made.var()).item(), (beside / made.var()).item()

    # How soon it is there differs from processor to processor: after 200 steps, or after 300.
    for _ in range(13):
        for _ in range(25):
            trainer.step(feed.next(4))
        strength, below, beside = found()
        if abs(strength - 1) < 0.15 and abs(below - 0.5) < 0.1 and abs(beside) < 0.1:
            break
    assert strength == pytest.approx(1, abs=0.15), "it began at 0.28"
    assert below == pytest.approx(0.5, abs=0.1), "it began at 0"
    assert beside == pytest.approx(0, abs=0.1)


def test_discriminators_see_detail_enlarged_where_it_is_asked_for() -> None:
    torch.manual_seed(0)
    flat = torch.full((2, 1, 64, 64), 0.2)
    grainy = flat + 0.01 * torch.randn_like(flat)
    seen = {}
    for detail in (0.0, 50.0):
        judges = Discriminators(["b"], 1, 8, detail, vision=False)
        first: torch.nn.Module = judges.of["b"].layers[0]  # type: ignore[index, assignment]
        first.register_forward_hook(lambda module, given, made, detail=detail: seen.update({detail: given[0]}))
        judges({"b": grainy})
    assert torch.equal(seen[0.0], grainy)
    picture, detail = seen[50.0].chunk(2, dim=1)
    assert torch.equal(picture, grainy) and 0.3 < detail.std() < 0.6 and detail.mean().abs() < 0.01


def test_a_denoiser_begins_by_changing_nothing(data: ImageData) -> None:
    trainer = Trainer(RESTORE, data, new_accelerator(cpu=True))
    assert np.array_equal(trainer.translate(data.val.images), data.val.images)
    assert set(trainer.inference_modules()) == {"translator"}, "nobody needs the way back"


def test_what_a_lower_dose_lacks_is_measured_in_the_window_and_named() -> None:
    noise = np.random.default_rng(0).normal(0, 20, (6, 64, 64, 1))
    clean = np.full((6, 64, 64, 1), 100, np.uint8)
    split = Split(
        clean, np.zeros(6, np.int64), {"halvings": np.full(6, 6)}, (clean + noise).clip(0, 255).astype(np.uint8)
    )
    slices = ImageData(DataInfo("ct-lowdose", "", "", "", ""), 64, 1, lambda name: split)
    config = replace(RESTORE, channels=1)
    trainer = Trainer(config, slices, new_accelerator(cpu=True))
    found = trainer.evaluate()
    assert found["psnr_halvings_6"] == found["noisy_psnr_halvings_6"] < 25, "untrained, it changes nothing"
    assert found["ssim_halvings_6"] == found["noisy_ssim_halvings_6"] < 1
    assert trainer.restores == ("low-dose CT", 6, 6)
    assert Trainer(replace(config, direction="BtoA"), slices, new_accelerator(cpu=True)).restores is None


def test_settings_that_cannot_work_are_one_sentence() -> None:
    with pytest.raises(TrainingError, match=r"^--image-size must be a multiple of 32, not 100\.$"):
        Config(image_size=100)
    with pytest.raises(TrainingError, match=r"must be at least 0 and below 1, not 1\.0\.$"):
        Config(half_size_until=1.0)
    for size in (64, 160):
        with pytest.raises(TrainingError, match=rf"must be a multiple of 64 from 128 on, not {size}\.$"):
            Config(image_size=size, half_size_until=0.5)
    for settings in ({"cycle": 0.0}, {"contrastive": 1.0}):
        with pytest.raises(TrainingError, match=r"Give a weight to --cycle \(both ways\) or to --contrastive"):
            Config(**settings)  # type: ignore[arg-type]
    for name in ("cycle_noise", "source_noise"):
        with pytest.raises(TrainingError, match=r"there is no way back here\.$"):
            Config(cycle=0.0, contrastive=1.0, **{name: 0.1})  # type: ignore[arg-type]

    for name in ("cycle_noise", "identity"):
        with pytest.raises(
            TrainingError, match=r"^With --source-noise there is neither --cycle-noise nor --identity\.$"
        ):
            replace(RESTORE, **{name: 0.1})  # type: ignore[arg-type]


def test_retrieval_counts_who_finds_their_own() -> None:
    features = np.random.default_rng(0).normal(size=(20, 8))
    assert retrieval(features, 3 * features) == 1
    assert retrieval(features, np.roll(features, 1, axis=0)) == 0


def test_pictures_of_the_other_kind_are_perfect_and_the_sources_are_the_baseline(data: ImageData) -> None:
    need_imagenet()
    assert data.val.sources is not None
    sources, images = (np.concatenate([each, each[:, :, ::-1]] * 4) for each in (data.val.sources, data.val.images))
    found = unpaired_metrics(images, sources, images, images, data, aligned=True)
    assert found["translation_frechet"] < 1e-6 < found["source_translation_frechet"]
    assert found["real_translation_frechet"] < 1e-6, "here the real pictures are the wanted ones themselves"
    assert found["translation_kernel"] < found["source_translation_kernel"]
    assert "retrieval" in found and "real_retrieval" not in found
    assert "retrieval" not in unpaired_metrics(images, sources, images, images, data, aligned=False)
    assert not any("real" in name for name in unpaired_metrics(images, sources, images, images[:9], data, aligned=True))
    assert unpaired_metrics(images[:8], sources[:8], images[:8], images, data, aligned=True) == {}, "too few to say"

r"""A restoring recipe beside what one would use instead, on the same damaged test pictures.

    python -m tests.bench.restore_baselines runs/denoise --pictures 100
    python -m tests.bench.restore_baselines runs/photo --pictures 28 --validation 8
    python -m tests.bench.restore_baselines runs/lowlight --pictures 28 --validation 8
    python -m tests.bench.restore_baselines runs/lowlight --side 256 --validation 128 \
        --methods gamma CLAHE "histogram equalisation" "white patch"
    python -m tests.bench.restore_baselines runs/lowdose --pictures 18 --validation 4
    python -m tests.bench.restore_baselines runs/unpaired --pictures 18 --validation 4 --beside restore-ct

Denoising: BM3D, non-local means, total variation. Low light: gamma, CLAHE, histogram equalisation, the brightest made
white, and BM3D after an exposure that is found or told. Low-dose CT: the three of denoising, told how strong the noise
is at that dose, and BM3D told its spectrum as well, since it is not white. Each method chooses its setting for each
level on validation pictures; ours is told nothing, nor are the bundles that `--beside` names; one that can be told is
compared told as well. The damage is the evaluation's own; where sources are damaged already (`cyclegan --preset
restore` on slices of a low dose), it is theirs. BM3D takes seconds a picture, so the comparison may be on the first
pictures of the test split (`--pictures`) and on the middle of large ones (`--side`), ours on these too; methods that
see a picture as a whole, such as CLAHE, do better on whole ones. Writes `baselines.json` into the run, where `genhub
export` finds it, beside what is in there already. The peers live in a throwaway environment; what they made is kept in
`RUN/peers-*`, and is used again as long as the pictures are the same.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub import open_model
from hub.contract import OURS
from tests.bench.environment import ONE_THREAD, make_environment
from training.atomic import write_json
from training.checkpoint import load_run
from training.damage import damaged_images
from training.data.dataset import ImageData, Split
from training.evaluation import unpadded
from training.families import cyclegan
from training.hounsfield import in_window
from training.metrics import psnr, ssim
from training.restorer import TOLD, Restorer

PEERS = ("bm3d==4.0.3", "scikit-image==0.26.0")
OURS_TOLD, UNTOLD = f"{OURS}, {TOLD}", f"{OURS}, not told"
MEASURES = {"sigma": (psnr,), "stops": (psnr, ssim), "halvings": (psnr, ssim)}
SEEN: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {"halvings": in_window}
"""What of the pictures is compared, where it is not all of it."""
KNOWING = {"stops": {"told exposure + BM3D"}}
"""Methods that know the level, where not all do."""


class Subject(NamedTuple):
    """What is compared: how its damage is measured, at which levels, and what it makes of damaged pictures."""

    unit: str
    levels: tuple[int, ...]
    damaged: Callable[[Split, int], NDArray[np.uint8]]
    restore: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
    told: Callable[[NDArray[np.uint8], float], NDArray[np.uint8]] | None = None
    """The same, told the level."""


def subject(trainer: object) -> Subject:
    """Of a run's trainer."""
    if isinstance(trainer, Restorer):

        def damaged(split: Split, level: int) -> NDArray[np.uint8]:
            # Damage for all of them, as `evaluate` does it, so that these are of the very pictures that it measures.
            clean = unpadded(split.images, trainer.data)
            return damaged_images(trainer.damage, clean, np.full(len(clean), level))

        told = trainer.restore if trainer.told else None
        return Subject(trainer.unit, trainer.levels, damaged, trainer.restore, told)
    assert isinstance(trainer, cyclegan.Trainer) and trainer.halvings is not None, "nobody knows its damage"
    return Subject("halvings", (trainer.halvings,), lambda split, level: trainer.pairs(split)[0], trainer.translate)


def pictures(
    compared: Subject, data: ImageData, count: int, validation: int, side: int
) -> dict[str, NDArray[np.uint8]]:
    """`test_clean`, `test_LEVEL` and the same of val, uint8 [N, H, W, C]: the first pictures of each split."""
    found = {}
    for name, split, rows in (("test", data.test, count), ("val", data.val, validation)):
        clean = unpadded(split.images, data)
        top, left = (max(0, (whole - side) // 2) for whole in clean.shape[1:3])
        middle = (slice(rows), slice(top, top + side), slice(left, left + side))
        found[f"{name}_clean"] = clean[middle]
        for level in compared.levels:
            found[f"{name}_{level}"] = compared.damaged(split, level)[middle]
    return found


def peers(
    folder: Path, unit: str, methods: list[str], given: dict[str, NDArray[np.uint8]]
) -> dict[str, NDArray[np.uint8]]:
    """What each `METHOD/LEVEL` made of the damaged test pictures, uint8 [N, H, W, C]."""
    asked, answered = folder / "pictures.npz", folder / "peers.npz"
    same = answered.exists() and all(
        name in given and np.array_equal(array, given[name]) for name, array in np.load(asked).items()
    )
    if not same:
        folder.mkdir(exist_ok=True)
        np.savez(asked, **given)  # type: ignore[arg-type]
        worker = Path(__file__).with_name("classical_restorers.py")
        with tempfile.TemporaryDirectory(prefix="restore-baselines-") as temporary:
            python = make_environment(Path(temporary) / "environment", *PEERS)
            command = [str(python), str(worker), str(folder), unit, *methods]
            subprocess.run(command, check=True, env={**os.environ, **ONE_THREAD})
    return dict(np.load(answered))


def strongest_first(values: dict[str, float], unit: str, last: list[str], told: bool) -> dict[str, float]:
    """Peers in the order in which they are shown. Where some know the level, they stand beside ours that is told it."""
    chosen = [name for name in values if unit not in KNOWING or (name in KNOWING[unit]) == told]
    return {name: values[name] for name in sorted(chosen, key=lambda name: (name in last, -values[name]))}


def place(name: str) -> tuple[bool, bool]:
    """Of a baseline among those of other calls: peers on all pictures, then on some of them, then ours."""
    return name.startswith(OURS), name.endswith(" pictures")


def main() -> None:
    """Damage, have the peers restore, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run of the denoiser, lowlight or lowdose family, or of cyclegan")
    parser.add_argument("--pictures", type=int, default=200, help="test pictures to compare on")
    parser.add_argument("--validation", type=int, default=24, help="validation pictures to choose settings on")
    parser.add_argument("--side", type=int, default=128, help="of larger pictures, the middle pixels a side to compare")
    parser.add_argument("--methods", nargs="*", default=[], help="classical methods to compare with; all by default")
    parser.add_argument("--beside", nargs="*", default=[], help="bundles to compare with as well")
    arguments = parser.parse_args()

    trainer = load_run(arguments.run)
    ours = subject(trainer)
    given = pictures(ours, trainer.data, arguments.pictures, arguments.validation, arguments.side)
    kept = "-".join(["peers", str(arguments.side), *arguments.methods]).replace(" ", "-")
    made = peers(arguments.run / kept, ours.unit, arguments.methods, given)
    written = arguments.run / "baselines.json"
    baselines: dict[str, dict[str, float]] = json.loads(written.read_text()) if written.exists() else {}
    seen = SEEN.get(ours.unit, lambda images: images)
    truth = seen(given["test_clean"])
    all_of_them = given["test_clean"].shape == trainer.data.test.images.shape
    for level in ours.levels:
        damaged = given[f"test_{level}"]
        found = {OURS: ours.restore(damaged)}
        if ours.told:
            found[OURS_TOLD] = ours.told(damaged, level)
        found |= {name: open_model(name).translate(damaged) for name in arguments.beside}
        found |= {name.partition("/")[0]: images for name, images in made.items() if name.endswith(f"/{level}")}
        for measure in MEASURES[ours.unit]:
            values = {name: measure(seen(images), truth) for name, images in found.items()}
            at = f"{measure.__name__}_{ours.unit}_{level}"
            print(at, *(f"{name} {value:.3f}" for name, value in values.items()), sep="  ", flush=True)
            beside = "" if all_of_them else f", {len(truth)} pictures"
            own = {at: {OURS: values.pop(OURS)}}
            if ours.told:
                own[f"{at}/{TOLD}"] = {OURS: values.pop(OURS_TOLD), UNTOLD: own[at][OURS]}
            for key, numbers in own.items():
                theirs = strongest_first(values, ours.unit, last=arguments.beside, told=key != at)
                found_now = {name + beside: round(value, 3) for name, value in (theirs | numbers).items()}
                if all_of_them:  # then ours is the run's own number
                    del found_now[OURS]
                everyone = baselines.get(key, {}) | found_now
                baselines[key] = dict(sorted(everyone.items(), key=lambda each: place(each[0])))
    write_json(written, baselines)


if __name__ == "__main__":
    main()

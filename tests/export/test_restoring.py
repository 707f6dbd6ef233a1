"""What the bundle of a restoring model says beyond others: what it takes out, how far it looks, what would be right."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.bundle import EXAMPLES, SHEET_SIDE, Written, write_bundle
from export.run import read_run
from export.trained import Examples
from hub import open_model
from hub.contract import Damage
from tests.export.stand_ins import SIZE, pictures, trained
from tests.training.commands import TINY
from training.cli import train

NOISE = Damage(kind="gaussian noise", lowest=0, highest=55)


def restoring(count: int = 80) -> Examples:
    clean = pictures(count, 3)
    return Examples(clean ^ 8, labels=np.arange(count, dtype=np.int64) % 3, targets=clean)


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Written:
    subject = trained("translate", multiple=4, restores=NOISE, held_out=restoring())
    return write_bundle(subject, tmp_path_factory.mktemp("exported") / "mended", wanted=())


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_the_manifest_says_what_it_restores_and_how_far_it_looks(mended: Written) -> None:
    assert mended.bundle.restores == NOISE
    assert mended.bundle.reach == 4  # four convolutions of 3 x 3


def test_what_each_example_should_become_lies_beside_it(mended: Written) -> None:
    names = [f"{number:02d}.png" for number in range(1, EXAMPLES + 1)] + ["sheet.png"]
    for folder in ("examples", "targets"):
        assert sorted(path.name for path in (mended.folder / folder).iterdir()) == names
        assert {f"{folder}/{name}" for name in names} <= {file.path for file in mended.bundle.files}
    for name in names:
        example, target = (read(mended.folder / folder / name) for folder in ("examples", "targets"))
        assert np.array_equal(example ^ 8, target)


def test_the_first_example_is_the_one_with_the_most_to_see_unless_classes_are_in_order(tmp_path: Path) -> None:
    contrasts = np.array([3, 9, 1, 27], dtype=np.uint8)
    dull = 100 + contrasts[:, None, None, None] * (pictures(4, 3) % 2)
    order = {}
    for names in ((), ("a", "b", "c", "d")):
        subject = trained("translate", held_out=Examples(dull, labels=np.arange(4)), class_names=names)
        folder = write_bundle(subject, tmp_path / str(len(names)), wanted=()).folder
        order[names] = [int(np.ptp(read(folder / f"examples/{number:02d}.png"))) for number in range(1, 5)]
    assert list(order.values()) == [[27, 9, 3, 1], [3, 9, 1, 27]]


def test_a_net_of_any_size_gets_a_sheet_of_its_small_pictures(mended: Written) -> None:
    sheet = read(mended.folder / "targets/sheet.png")
    assert sheet.shape == (SHEET_SIDE * SIZE, SHEET_SIDE * SIZE, 3)
    assert np.array_equal(sheet[:SIZE, SIZE : 2 * SIZE], restoring().targets[1])  # type: ignore[index]


def test_a_net_of_one_size_gets_none_and_no_reach(tmp_path: Path) -> None:
    written = write_bundle(trained("translate"), tmp_path / "fixed", wanted=())
    assert written.bundle.reach is None and written.bundle.restores is None
    assert not (written.folder / "examples/sheet.png").exists() and not (written.folder / "targets").exists()


@pytest.mark.parametrize("told", [False, True])
def test_the_card_says_what_it_takes_out_and_how_it_is_told(told: bool, tmp_path: Path) -> None:
    written = write_bundle(trained("translate", told=told, restores=NOISE), tmp_path / "made", wanted=())
    text = (written.folder / "README.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| **Takes out**"))
    assert row.startswith("| **Takes out** | gaussian noise, 0 to 55 grey levels,")
    call, model = re.search(r"```python\nfrom hub.*?\n(.*?)```", text, re.DOTALL), open_model(written.folder)
    assert call is not None and written.bundle.told == told
    assert ("`level`" in row) == ("level=28" in call[1]) == ("level = np.full" in text) == told
    exec(
        call[1].replace(f'"{written.bundle.id}"', "folder"),
        given := {"pixels": pictures(1, 3)[0], "folder": written.folder, "open_model": open_model},
    )
    assert np.array_equal(given["translated"], model.translate(pictures(1, 3)[0], level=28 if told else None))


def test_the_denoiser_says_which_noise_it_knows_and_takes_any_size(tmp_path: Path) -> None:
    run = ["denoiser", "--preset", "smoke", "--data", str(TINY), "--max-steps", "2", "--max-noise-level", "40"]
    assert train([*run, "--out", str(tmp_path / "run")]) == 0
    found = read_run(tmp_path / "run")
    assert found.restores == Damage(kind="gaussian noise", lowest=0, highest=40)
    assert (found.image.dynamic, found.image.multiple) == (True, 4)

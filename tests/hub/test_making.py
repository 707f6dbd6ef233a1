"""``genhub run``: a picture goes in where one belongs, comes out at its depth, and useless flags are refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hub import depth, open_model
from hub.cli import dispatch
from hub.contract import Damage
from hub.depth import Picture
from hub.dicom import NOTICE
from tests.hub.dicoms import head, write_dicom
from tests.hub.sentence import sentence
from tests.hub.tiny_translator import smooth, write_tiny_translator


@pytest.fixture
def denoiser(tmp_path: Path) -> str:
    write_tiny_translator(tmp_path / "tiny")
    return str(tmp_path / "tiny")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    alpha = np.full((41, 50, 1), 500, np.uint16)
    (tmp_path / "photo.png").write_bytes(Picture(smooth(41, 50, 3).astype(np.uint16) * 256, alpha).to_png())
    return tmp_path / "photo.png"


def test_a_picture_is_restored_at_its_own_depth(
    denoiser: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    assert dispatch(["run", denoiser, "--image", str(photo), "--out", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{out}: photo.png restored by tiny-denoiser, 50 x 41, 16 bits"
    assert any("red, green and blue" in line for line in told)
    before, after = depth.read(photo), depth.read(out)
    assert after.bits == 16 and after.alpha is not None and (after.alpha == 500).all()
    change = np.abs(after.pixels.astype(int) - before.pixels)[4:-4, 4:-4]  # a blur darkens the border
    assert 0 < change.max() < 40 * 257


def test_a_model_that_can_be_told_the_level_is_told_it(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_translator(tmp_path / "told", told=True)
    made = {}
    for level in ("0", "20", None):
        flags = [] if level is None else ["--level", level]
        asked = ["run", str(tmp_path / "told"), "--image", str(photo), "--out", str(tmp_path / "out.png"), *flags]
        assert dispatch(asked) == 0
        made[level] = depth.read(tmp_path / "out.png").pixels.astype(int)
    assert np.array_equal(made["0"], depth.read(photo).pixels)
    partly, wholly = (np.abs(made[level] - made["0"]).mean() for level in ("20", None))
    assert 0 < partly < wholly
    capsys.readouterr()
    asked = ["run", str(tmp_path / "told"), "--image", str(photo), "--out", str(tmp_path / "o.png"), "--level", "56"]
    assert dispatch(asked) == 2
    assert "from 0 to 55" in sentence(ValueError(capsys.readouterr().err.strip()))


def test_a_dicom_slice_comes_out_as_a_picture_with_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny_translator(tmp_path / "ct", damage=Damage(kind="low-dose CT", lowest=2, highest=9))
    path, out = write_dicom(tmp_path / "a.dcm", head()), tmp_path / "out.png"
    assert dispatch(["run", str(tmp_path / "ct"), "--image", str(path), "--out", str(out)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{out}: a.dcm restored by tiny-denoiser, 64 x 64, 8 bits" and told[-1] == NOTICE
    assert depth.read(out).pixels.shape == (64, 64, 1)


def test_a_model_that_restores_nothing_translates_both_ways(tmp_path: Path) -> None:
    write_tiny_translator(tmp_path / "two", restores=False, inverse=True, channels=3, dynamic=False)
    Image.new("RGB", (90, 60), (10, 20, 30)).save(tmp_path / "a.jpg")
    for flag in ([], ["--inverse"]):
        out = tmp_path / f"o{len(flag)}.png"
        assert (
            dispatch(["run", str(tmp_path / "two"), "--image", str(tmp_path / "a.jpg"), "--out", str(out), *flag]) == 0
        )
    there, back = (np.asarray(Image.open(tmp_path / f"o{n}.png")).astype(int) for n in (0, 1))
    assert there.shape == (32, 32, 3) and np.abs(255 - there - back).max() <= 1
    assert np.array_equal(there, open_model(tmp_path / "two").translate(np.full((32, 32, 3), there[16, 16], np.uint8)))


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--count", "4"], "turns one picture into another: it has no use for --count."),
        (["--label", "x", "--seed", "0"], "it has no use for --seed and --label."),
        ([], "give it one with --image."),
        (["--image", "nowhere.png"], "There is no file nowhere.png."),
        (["--image", __file__], "not a picture that can be read"),
        (["--inverse"], "give it one with --image."),
        (["--image", "photo", "--level", "25"], "'tiny-denoiser' cannot be told how much there is to restore"),
    ],
)
def test_what_does_not_fit_the_task_is_one_sentence(
    denoiser: str, photo: Path, flags: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = [str(photo) if flag == "photo" else flag for flag in flags]
    assert dispatch(["run", denoiser, *flags, "--out", str(tmp_path / "out.png")]) == 2
    assert told in sentence(ValueError(capsys.readouterr().err.strip()))
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("flags", [["--image", "a.png"], ["--inverse"], ["--level", "0"]])
def test_noise_needs_no_picture(
    tiny_bundle: Path, flags: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert dispatch(["run", str(tiny_bundle), *flags, "--out", str(tmp_path / "out.png")]) == 2
    assert f"makes pictures from noise: it has no use for {flags[0]}." in sentence(
        ValueError(capsys.readouterr().err.strip())
    )


def test_a_picture_too_large_for_this_hub_is_one_sentence(
    denoiser: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], turn: object
) -> None:
    turn(max_megapixels=1)  # type: ignore[operator]
    Image.new("L", (1001, 1000)).save(tmp_path / "large.png")
    assert dispatch(["run", denoiser, "--image", str(tmp_path / "large.png"), "--out", str(tmp_path / "o.png")]) == 2
    assert "at most 1 megapixels" in sentence(ValueError(capsys.readouterr().err.strip()))

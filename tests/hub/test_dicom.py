"""DICOM: files that pydicom wrote become the pictures that they should, and bad ones become one sentence."""

import sys
from pathlib import Path

import numpy as np
import pytest

from hub import dicom
from hub.dicom import NOTICE, is_dicom, read
from hub.errors import RequestError
from hub.tasks.tomography import to_levels
from tests.hub.dicoms import head, write_dicom
from tests.hub.sentence import sentence


def test_ct_is_given_the_levels_that_the_model_knows(tmp_path: Path) -> None:
    stored = (head().astype(np.int32) + 1024).astype(np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm", stored, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=35, WindowWidth=80
    )
    picture = read(path, tone=to_levels)
    assert np.array_equal(picture.pixels, to_levels(head())[..., None]) and picture.pixels.dtype == np.uint8
    assert picture.notes == ("Shown in the model's own window, that of soft tissue: level 40, width 400.", NOTICE)


def test_without_a_model_s_levels_it_is_the_file_s_own_window(tmp_path: Path) -> None:
    values = np.array([[-5, -4, 35, 75, 76]], np.int16).repeat(4, axis=0)
    path = write_dicom(tmp_path / "a.dcm", values, WindowCenter=[35, 600], WindowWidth=[80, 2800])
    picture = read(path)
    # Linear, as the standard has it: level - 0.5 is the middle, width - 1 the way from black to white.
    assert picture.pixels[0, :, 0].tolist() == [0, 3, 129, 255, 255]
    assert picture.notes == ("Shown in the file's own window: level 35, width 80.", NOTICE)
    negative = write_dicom(
        tmp_path / "b.dcm", values, WindowCenter=35, WindowWidth=80, PhotometricInterpretation="MONOCHROME1"
    )
    assert np.array_equal(read(negative).pixels, 255 - picture.pixels)


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 3, "WindowWidth": 1}])
def test_a_file_that_names_no_window_is_shown_from_its_least_to_its_greatest(
    window: dict[str, int], tmp_path: Path
) -> None:
    picture = read(write_dicom(tmp_path / "a.dcm", np.array([[100, 200], [150, 300]], np.uint16), **window))
    assert picture.pixels[..., 0].tolist() == [[0, 128], [64, 255]] and "names no window" in picture.notes[0]
    assert (read(write_dicom(tmp_path / "b.dcm", np.full((4, 4), 7, np.uint16))).pixels == 0).all()


def test_what_is_no_ct_is_shown_as_it_asks_and_that_is_said(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", head(), Modality="MR")
    picture = read(path, tone=to_levels)
    assert np.array_equal(picture.pixels, read(path).pixels)
    assert "does not say that it is CT" in picture.notes[0]


def test_of_many_slices_it_is_the_first_and_that_is_said(tmp_path: Path) -> None:
    frames = np.stack([head(), np.zeros_like(head())])
    picture = read(write_dicom(tmp_path / "a.dcm", frames), tone=to_levels)
    assert np.array_equal(picture.pixels, to_levels(head())[..., None])
    assert picture.notes[0] == "The file holds 2 slices; this is the first."


def test_what_names_the_patient_stays_behind(tmp_path: Path) -> None:
    picture = read(write_dicom(tmp_path / "a.dcm", head()), tone=to_levels)
    assert b"Doe" in (tmp_path / "a.dcm").read_bytes() and b"Doe" not in picture.to_png()


def test_a_file_says_itself_that_it_is_dicom(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "named.png", head())
    (tmp_path / "not.dcm").write_bytes(b"DICM" * 10)
    assert is_dicom(path) and not is_dicom(tmp_path / "not.dcm") and not is_dicom(tmp_path / "nowhere.dcm")


def test_bad_files_are_one_sentence(tmp_path: Path) -> None:
    whole = write_dicom(tmp_path / "a.dcm", head()).read_bytes()
    bad = {
        "cut": (whole[:-5000], "damaged, or compressed"),
        "head": (whole[:140], "has no picture"),
        "noise": (whole[:132] + np.random.RandomState(0).bytes(4000), "has no picture"),
    }
    for name, (content, told) in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RequestError, match=told) as refused:
            read(tmp_path / name)
        sentence(refused.value)
    colour = np.zeros((8, 8, 3), np.uint8)
    path = write_dicom(
        tmp_path / "rgb", colour, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0
    )
    for given, limit, told in ((path, 10**6, "colour picture"), (tmp_path / "a.dcm", 4000, "too large")):
        with pytest.raises(RequestError, match=told) as refused:
            read(given, limit)
        sentence(refused.value)


def test_without_pydicom_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dicom(tmp_path / "a.dcm", head())
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(RequestError, match=r"pip install 'generative-hub\[dicom\]'") as refused:
        dicom.read(path)
    sentence(refused.value)

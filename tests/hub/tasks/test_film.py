"""``hub.tasks.film``: a video through a restorer, frame by frame, and what is said of it."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hub import open_model
from hub.depth import Picture
from hub.errors import RequestError
from hub.tasks import film
from hub.tasks.film import Film, Step, restore_film
from hub.tasks.restore import Restorer
from hub.video import Clip
from tests.hub.films import waves, write_film
from tests.hub.tiny_translator import write_tiny_translator


def restorer(folder: Path, **how: object) -> Restorer:
    write_tiny_translator(folder / "model", **how)  # type: ignore[arg-type]
    return Restorer(open_model(folder / "model"))


def restored(model: Restorer, path: Path) -> tuple[Film, list[Step], np.ndarray, np.ndarray]:
    """What came of the video: the film, the steps to it, and the frames before and after."""
    before, after = path.with_name("before.mp4"), path.with_name("after.mp4")
    *steps, made = restore_film(model, path, before, after)
    assert isinstance(made, Film) and all(isinstance(step, Step) for step in steps)
    frames = []
    for file in (before, after):
        with Clip(file, 1000, 1000) as clip:
            frames.append(np.stack(list(clip)))
            assert float(clip.fps) == pytest.approx(made.fps) and not clip.has_sound
    return made, steps, *frames  # type: ignore[return-value]


def test_every_frame_is_what_the_restorer_makes_of_it_at_its_place(tmp_path: Path) -> None:
    model = restorer(tmp_path, channels=3)
    path = write_film(tmp_path / "it", waves(6))
    made, steps, before, after = restored(model, path)
    assert (made.width, made.height, made.frames, made.fps) == (64, 48, 6, 10)
    assert steps == [Step(number + 1, 6) for number in range(6)]
    with Clip(path, 100, 1000) as clip:
        given = np.stack(list(clip))
    wanted = np.stack([model.restore(Picture(frame)).pixels for frame in given])
    assert np.abs(before.astype(int) - given).mean() < 4 and np.abs(after.astype(int) - wanted).mean() < 5
    assert np.abs(after.astype(int) - given).mean() > 4, "the model has changed something"
    assert made.notes == ("Each frame was restored on its own, so what is left of the damage may flicker.",)


def test_what_a_meter_reads_is_eased_from_frame_to_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = restorer(tmp_path, channels=3, told=True, meter=True)
    frames = np.stack([np.full((48, 64, 3), 100 if number % 2 else 200, np.uint8) for number in range(6)])
    told = []
    restore = model.restore
    monkeypatch.setattr(model, "restore", lambda picture, level: told.append(level) or restore(picture, level=level))  # type: ignore[func-returns-value]
    restored(model, write_film(tmp_path / "it", frames))
    assert told[0] == pytest.approx(20, abs=0.5) and len(told) == 6
    for number, (before, level) in enumerate(pairwise(told), start=1):
        assert level - before == pytest.approx(0.1 * ((10 if number % 2 else 20) - before), abs=0.1)


def test_a_long_large_film_with_sound_is_cut_made_smaller_and_silent_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film, "MOST_FRAMES", 5)
    monkeypatch.setattr(film, "LONGEST", 40)
    made, _, _, after = restored(
        restorer(tmp_path, channels=3), write_film(tmp_path / "it", waves(9, 48, 64), sound=True)
    )
    assert after.shape == (5, 30, 40, 3)
    told = " ".join(made.notes)
    assert "the first 0.5 seconds were taken, 5 frames" in told
    assert "made smaller first, to 40 x 30" in told and "The sound was dropped." in told


def test_a_grey_film_is_grey_for_a_model_of_grey_and_colours_are_said(tmp_path: Path) -> None:
    model = restorer(tmp_path)
    grey = waves(2)[..., :1].repeat(3, axis=3)
    made, _, _, after = restored(model, write_film(tmp_path / "grey", grey))
    assert "red, green and blue" not in " ".join(made.notes) and np.ptp(after, axis=3).max() < 12
    made, *_ = restored(model, write_film(tmp_path / "colour", waves(2)))
    assert [note for note in made.notes if "red, green and blue" in note]


def test_a_model_of_one_size_has_the_film_fitted_to_it(tmp_path: Path) -> None:
    made, _, before, after = restored(
        restorer(tmp_path, channels=3, dynamic=False), write_film(tmp_path / "it", waves(2))
    )
    assert before.shape == after.shape == (2, 32, 32, 3)
    assert [note for note in made.notes if "fitted to 32 x 32" in note]


def test_who_asks_for_no_more_steps_stops_the_work(tmp_path: Path) -> None:
    steps = restore_film(
        restorer(tmp_path, channels=3), write_film(tmp_path / "it", waves(9)), tmp_path / "a", tmp_path / "b"
    )
    assert next(steps) == Step(1, 9)
    steps.close()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        next(steps)


def test_what_is_no_video_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video")
    with pytest.raises(RequestError, match="not a video"):
        next(restore_film(restorer(tmp_path), tmp_path / "notes.mp4", tmp_path / "a.mp4", tmp_path / "b.mp4"))
    assert not (tmp_path / "a.mp4").exists() and not (tmp_path / "b.mp4").exists()

"""``/restore`` and ``/restore_video`` of a running hub, spoken to by Gradio's own client: what they give, and how they
refuse.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from hub import depth, open_model
from hub.contract import Damage
from hub.depth import Picture
from hub.dicom import NOTICE
from hub.tasks.restore import Restorer
from hub.tasks.tomography import to_levels
from hub.video import Clip
from tests.hub.dicoms import head, write_dicom
from tests.hub.films import waves, write_film
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.hub.tiny_translator import smooth, write_tiny_translator
from tests.serving import RunningHub, call_raw, serving

TINY = "tiny-denoiser"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A denoiser, one that can be told, two models of CT, one of low light, and two that restore nothing."""
    folder = tmp_path_factory.mktemp("bundles")
    write_tiny_translator(folder / TINY)
    write_tiny_translator(folder / "ct", bundle_id="ct", damage=Damage(kind="low-dose CT", lowest=2, highest=9))
    write_tiny_translator(folder / "ct-6", bundle_id="ct-6", damage=Damage(kind="low-dose CT", lowest=6, highest=6))
    dark = Damage(kind="low light", lowest=1, highest=5)
    write_tiny_translator(folder / "dark", bundle_id="dark", damage=dark, told=True, meter=True)
    write_tiny_translator(folder / "told", bundle_id="told", told=True)
    write_tiny_translator(folder / "other", bundle_id="other", restores=False)
    write_tiny_bundle(folder / "gan", bundle_id="gan", encoder=False)
    return folder


@pytest.fixture(scope="module")
def hub(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    models = ",".join(str(folder / name) for name in (TINY, "ct", "ct-6", "dark", "told", "other", "gan"))
    about: dict[str, Any] = {"GENHUB_PROVIDER": "cpu", "GENHUB_TILE": "64", "GENHUB_MAX_MEGAPIXELS": "1"}
    with serving("--models", models, GENHUB_CACHE=str(tmp_path_factory.mktemp("cache")), **about) as hub:
        yield hub


@pytest.fixture(scope="module")
def client(hub: RunningHub) -> Client:
    return Client(hub.url, verbose=False)


def test_both_say_what_they_take(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    wanted = {
        "/restore": ["model", "picture", "damage", "seed", "exposure", "level"],
        "/restore_video": ["model", "video"],
    }
    for name, takes in wanted.items():
        endpoint = endpoints[name]
        assert [each["parameter_name"] for each in endpoint["parameters"]] == takes
        assert len(endpoint["returns"]) == 3 and endpoint["description"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_picture_comes_back_at_its_own_depth(
    client: Client, folder: Path, channels: int, bits: int, tmp_path: Path
) -> None:
    pixels = smooth(150, 203, channels)
    alpha = np.full((150, 203, 1), 77, np.uint8)
    picture = Picture(pixels, alpha) if bits == 8 else Picture(pixels.astype(np.uint16) * 257, alpha * np.uint16(257))
    (tmp_path / "it.png").write_bytes(picture.to_png())
    read = depth.read(tmp_path / "it.png")
    after, before, report = client.predict(TINY, handle_file(tmp_path / "it.png"), api_name="/restore")
    wanted = Restorer(open_model(folder / TINY)).restore(read)
    assert depth.read(Path(before)).bits == depth.read(Path(after)).bits == wanted.bits
    assert np.abs(depth.read(Path(after)).pixels.astype(int) - wanted.pixels).max() <= (1 if wanted.bits == 8 else 257)
    assert (report["width"], report["height"], report["bits"], report["scores"]) == (203, 150, wanted.bits, {})
    assert Path(after).name == "it-restored.png"


def test_a_clean_picture_is_damaged_measured_and_the_same_every_time(client: Client, tmp_path: Path) -> None:
    Image.fromarray(smooth(64, 64, 1)[..., 0]).save(tmp_path / "clean.png")
    picture = handle_file(tmp_path / "clean.png")
    (after, before, report), (again, *_) = (client.predict(TINY, picture, 25, 3, api_name="/restore") for _ in range(2))
    assert Path(after).read_bytes() == Path(again).read_bytes()
    noisy = np.asarray(Image.open(before)).astype(int)
    assert 15 < np.abs(noisy - smooth(64, 64, 1)[..., 0]).mean() < 25
    scores = report["scores"]
    assert list(scores) == ["Damaged", "Restored", "told", "Non-local means", "Total variation"]
    assert scores["Restored"]["psnr"] > scores["Damaged"]["psnr"] + 4
    assert all(0 < each["ssim"] <= 1 for each in scores.values())


def test_a_model_that_can_be_told_the_level_listens(client: Client, tmp_path: Path) -> None:
    Image.fromarray(smooth(64, 64, 1)[..., 0]).save(tmp_path / "clean.png")
    picture = handle_file(tmp_path / "clean.png")
    made = {level: client.predict("told", picture, 25, 0, 0, level, api_name="/restore") for level in (None, 0, 25, 50)}
    assert [report["level"] for *_, report in made.values()] == [None, 0, 25, 50]
    psnr = {level: report["scores"]["Restored"]["psnr"] for level, (*_, report) in made.items()}
    assert psnr[0] == made[0][2]["scores"]["Damaged"]["psnr"] < psnr[25] < psnr[50] == psnr[None]


def test_what_low_light_models_make_is_exposed_longer_or_shorter(client: Client, tmp_path: Path) -> None:
    Image.fromarray(smooth(64, 64, 1)[..., 0]).save(tmp_path / "clean.png")
    picture = handle_file(tmp_path / "clean.png")
    made = {stops: client.predict("dark", picture, 2, 0, stops, api_name="/restore") for stops in (-1, 0, 1)}
    brightness = {stops: np.asarray(Image.open(after)).mean() for stops, (after, *_) in made.items()}
    assert brightness[-1] < brightness[0] < brightness[1]
    assert [report["exposure"] for *_, report in made.values()] == [-1, 0, 1]
    psnr = [[report["scores"][name]["psnr"] for *_, report in made.values()] for name in ("Restored", "CLAHE")]
    assert len(set(psnr[0])) == 3 and len(set(psnr[1])) == 1


def test_a_meter_s_reading_is_told_where_the_model_was_told_nothing(client: Client, tmp_path: Path) -> None:
    Image.fromarray(np.full((100, 70), 31, np.uint8)).save(tmp_path / "grey.png")
    picture = handle_file(tmp_path / "grey.png")
    made = [client.predict("dark", picture, 0, 0, 0, level, api_name="/restore")[2] for level in (None, 2)]
    assert [report["found"] for report in made] == [pytest.approx(3.1), None]
    assert [report["level"] for report in made] == [None, 2]
    assert client.predict("told", picture, api_name="/restore")[2]["found"] is None, "it has no meter"


def test_a_dicom_slice_is_restored_in_the_model_s_window_with_a_notice(client: Client, tmp_path: Path) -> None:
    slice_ = handle_file(write_dicom(tmp_path / "slice.dcm", head(), WindowCenter=35, WindowWidth=80))
    after, before, report = client.predict("ct", slice_, api_name="/restore")
    assert Path(after).name == "slice-restored.png"
    assert np.array_equal(np.asarray(Image.open(before)), to_levels(head()))
    assert report["notes"][-1] == NOTICE and "level 40, width 400" in report["notes"][0]
    _, before, report = client.predict("ct", slice_, 6, 3, api_name="/restore")
    assert list(report["scores"]) == ["Damaged", "Restored", "ct-6", "Non-local means", "Total variation"]
    assert report["scores"]["ct-6"] == report["scores"]["Restored"], "here both are the same net"
    assert not np.array_equal(np.asarray(Image.open(before)), to_levels(head())) and report["damage"] == 6
    *_, report = client.predict("ct", slice_, 4, api_name="/restore")
    assert "ct-6" not in report["scores"], "it has not learned this dose"
    *_, report = client.predict(TINY, slice_, api_name="/restore")
    assert report["notes"] == ["Shown in the file's own window: level 35, width 80.", NOTICE]


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (1000, 1000)])
@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "RGBA", "LA", "F"])
def test_any_kind_and_size_comes_back_in_its_size(
    client: Client, size: tuple[int, int], mode: str, tmp_path: Path
) -> None:
    path = tmp_path / ("it.tiff" if mode in ("CMYK", "F") else "it.png")
    Image.new(mode, size).save(path)
    after, _, report = client.predict(TINY, handle_file(path), 10, api_name="/restore")
    assert Image.open(after).size == size and report["scores"]["Restored"]["psnr"]


def test_a_film_is_answered_with_its_first_picture_and_that_is_said(client: Client, tmp_path: Path) -> None:
    frames = [Image.new("L", (9, 9), level) for level in (10, 200)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    _, _, report = client.predict(TINY, handle_file(tmp_path / "film.gif"), api_name="/restore")
    assert any("this is the first" in note for note in report["notes"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "nobody"}, "There is no model 'nobody'"),
        ({"model": "other"}, "it restores none"),
        ({"model": "gan"}, "has the task 'sample'"),
        ({"damage": 56}, "from 0 to 55"),
        ({"damage": -1}, "from 0 to 55"),
        ({"damage": "loud"}, "from 0 to 55"),
        ({"exposure": 1}, "'tiny-denoiser' brightens nothing"),
        ({"model": "dark", "exposure": 2.5}, "from -2 to 2 stops"),
        ({"level": 25}, "'tiny-denoiser' cannot be told how much there is to restore"),
        ({"model": "told", "level": 56}, "What the model is told must be a number from 0 to 55"),
        ({"model": "told", "level": "much"}, "What the model is told must be a number from 0 to 55"),
        ({"seed": -1}, "The seed must be"),
        ({"picture": "notes"}, "not a picture"),
        ({"picture": "large"}, "at most 1 megapixels"),
        ({"picture": "cut"}, "damaged, or compressed"),
        ({"model": "ct", "damage": 10}, "The dose taken away must be a number from 0 to 9"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_the_hub_goes_on(
    client: Client, change: dict[str, object], told: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("not a picture")
    Image.new("L", (1001, 1000)).save(tmp_path / "large.png")
    Image.new("L", (9, 9)).save(tmp_path / "good.png")
    (tmp_path / "cut.png").write_bytes(write_dicom(tmp_path / "whole.dcm", head()).read_bytes()[:-100])
    asked = {"model": TINY, "picture": "good", "damage": 5, "seed": 0, "exposure": 0, "level": None} | change
    asked["picture"] = handle_file(tmp_path / f"{asked['picture']}.png")
    with pytest.raises(AppError) as refused:
        client.predict(*asked.values(), api_name="/restore")
    assert told in sentence(refused.value)
    assert client.predict(TINY, handle_file(tmp_path / "good.png"), api_name="/restore")


@pytest.mark.parametrize(
    "picture", [None, {}, {"path": "/etc/passwd"}, {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]
)
def test_a_file_of_this_machine_is_never_opened(hub: RunningHub, picture: object) -> None:
    said = call_raw(hub.url, "restore", TINY, picture, 0, 0, 0, None)
    assert "event: error" in said and "root:" not in said
    assert "must be an uploaded file" in said or "meta" in str(picture)


# ── Videos ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_video_comes_back_restored_beside_what_was_given(client: Client, folder: Path, tmp_path: Path) -> None:
    path = write_film(tmp_path / "holiday.mp4", waves(7), sound=True)
    after, before, report = client.predict(TINY, handle_file(path), api_name="/restore_video")
    assert (report["width"], report["height"], report["frames"], report["fps"]) == (64, 48, 7, 10)
    assert "The sound was dropped." in report["notes"]
    assert (Path(after).name, Path(before).name) == ("holiday-restored.mp4", "holiday-before.mp4")
    frames = []
    for file in (path, before, after):
        with Clip(Path(file), 100, 1000) as clip:
            frames.append(np.stack(list(clip)).astype(int))
    given, seen, made = frames
    model = Restorer(open_model(folder / TINY))
    wanted = model.restore(Picture(given[3].astype(np.uint8))).pixels
    assert np.abs(seen - given).mean() < 4 and np.abs(made[3] - wanted).mean() < 5


def test_a_video_tells_how_far_it_is_and_is_stopped_by_who_sent_it(client: Client, tmp_path: Path) -> None:
    path = write_film(tmp_path / "long.mp4", waves(110, 240, 320))
    job = client.submit(TINY, handle_file(path), api_name="/restore_video")
    while not (told := job.outputs()):
        assert not job.done()
        time.sleep(0.02)
    assert told[0][:2] == (None, None) and told[0][2]["expected"] == 110
    job.cancel()
    short = write_film(tmp_path / "short.mp4", waves(2))
    assert client.predict(TINY, handle_file(short), api_name="/restore_video")[2]["frames"] == 2, "the next one's turn"
    assert len(job.outputs()) < 110


@pytest.mark.parametrize(
    ("model", "content", "told"),
    [
        ("nobody", b"", "There is no model 'nobody'"),
        ("other", b"", "it restores none"),
        (TINY, b"not a video", "not a video that can be read"),
        (TINY, b"", "not a video that can be read"),
    ],
)
def test_a_video_that_cannot_be_restored_is_one_sentence(
    client: Client, model: str, content: bytes, told: str, tmp_path: Path
) -> None:
    (tmp_path / "it.mp4").write_bytes(content)
    with pytest.raises(AppError) as refused:
        client.predict(model, handle_file(tmp_path / "it.mp4"), api_name="/restore_video")
    assert told in sentence(refused.value)


@pytest.mark.parametrize("video", [None, {}, {"path": "/etc/passwd"}])
def test_a_video_of_this_machine_is_never_opened(hub: RunningHub, video: object) -> None:
    said = call_raw(hub.url, "restore_video", TINY, video)
    assert "event: error" in said and "root:" not in said

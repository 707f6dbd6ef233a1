"""``/translate`` and ``/translate_batch`` of a running hub, spoken to by Gradio's own client."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from hub import open_model
from tests.hub.sentence import sentence
from tests.hub.tiny_translator import outline, write_tiny_translator
from tests.serving import RunningHub, call_raw, serving

MOST = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of four bundles: colours turned both ways, blur at any size with an inverse that inverts, blur, a denoiser."""
    folder = tmp_path_factory.mktemp("bundles")
    shared: dict[str, Any] = {"restores": False, "channels": 3}
    write_tiny_translator(folder / "turn", bundle_id="turn", inverse=True, dynamic=False, drawings=True, **shared)
    write_tiny_translator(folder / "both", bundle_id="both", inverse=True, **shared)
    write_tiny_translator(folder / "whole", bundle_id="whole", reach=None, **shared)
    write_tiny_translator(folder / "denoiser", bundle_id="denoiser")
    return folder


@pytest.fixture(scope="module")
def hub(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    models = ",".join(str(folder / name) for name in ("turn", "both", "whole", "denoiser"))
    about: dict[str, Any] = {"GENHUB_PROVIDER": "cpu", "GENHUB_MAX_MEGAPIXELS": "1", "GENHUB_MAX_COUNT": str(MOST)}
    with serving("--models", models, GENHUB_CACHE=str(tmp_path_factory.mktemp("cache")), **about) as hub:
        yield hub


@pytest.fixture(scope="module")
def client(hub: RunningHub) -> Client:
    return Client(hub.url, verbose=False)


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    Image.fromarray(outline(32)).save(tmp_path / "drawing.png")
    return tmp_path / "drawing.png"


def png(size: int = 32) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(outline(size)).save(buffer, "PNG")
    return buffer.getvalue()


def packed(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_both_say_what_they_take(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    for name, given in (("/translate", "picture"), ("/translate_batch", "files")):
        taken = [each["parameter_name"] for each in endpoints[name]["parameters"]]
        assert taken == ["model", given, "inverse", "size"] and endpoints[name]["description"]


@pytest.mark.parametrize("inverse", [False, True])
def test_a_picture_goes_either_way_and_the_cycle_is_measured(
    client: Client, folder: Path, drawing: Path, inverse: bool
) -> None:
    made, seen, report = client.predict("turn", handle_file(drawing), inverse, api_name="/translate")
    assert np.array_equal(pixels(seen), outline(32))
    assert np.array_equal(pixels(made), outline(32)[..., [2, 0, 1] if inverse else [1, 2, 0]])
    assert report == {"width": 32, "height": 32, "cycle": {"error": 0, "psnr": None}}
    assert Path(made).name == "drawing-turn.png"
    made, seen, report = client.predict("both", handle_file(drawing), inverse, api_name="/translate")
    both = open_model(folder / "both")
    back = both.translate(both.translate(pixels(seen), inverse), not inverse)
    error = np.abs(back.astype(int) - pixels(seen)).mean()
    assert report["cycle"]["error"] == pytest.approx(error, abs=1) and 0 < report["cycle"]["psnr"] < 40


def test_a_model_of_any_size_takes_the_size_that_suits_it_or_the_one_asked_for(client: Client, tmp_path: Path) -> None:
    Image.new("RGB", (200, 90), "white").save(tmp_path / "wide.png")
    sizes = {}
    for model, size in (("both", "auto"), ("both", "trained"), ("whole", "auto"), ("whole", "own")):
        made, _, report = client.predict(model, handle_file(tmp_path / "wide.png"), False, size, api_name="/translate")
        assert Image.open(made).size == (report["width"], report["height"])
        sizes[model, size] = (report["width"], report["height"])
    assert sizes["both", "auto"] == sizes["whole", "own"] == (200, 90)
    assert sizes["both", "trained"] == sizes["whole", "auto"] == (32, 32)


def test_ink_without_paper_lies_on_white_and_nothing_at_all_is_white(client: Client, tmp_path: Path) -> None:
    sketch = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    sketch.save(tmp_path / "empty.png")
    sketch.paste((0, 0, 0, 255), (8, 8, 16, 16))
    sketch.save(tmp_path / "ink.png")
    for name, ink in (("empty", 0), ("ink", 64)):
        _, seen, _ = client.predict("turn", handle_file(tmp_path / f"{name}.png"), api_name="/translate")
        assert (pixels(seen)[0, 0] == 255).all() and (pixels(seen)[..., 0] == 0).sum() == ink


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "nobody"}, "There is no model 'nobody'"),
        ({"model": "denoiser"}, "restores pictures; it is for"),
        ({"model": "whole", "inverse": True}, "has one direction only"),
        ({"inverse": "maybe"}, "Inverse must be true or false"),
        ({"size": "huge"}, "The size must be auto, own, trained"),
        ({"picture": "notes"}, "not a picture"),
        ({"picture": "cut"}, "damaged"),
        ({"picture": "large"}, "at most 1 megapixels"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_the_hub_goes_on(
    client: Client, change: dict[str, object], told: str, drawing: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(png(128)[:300])
    Image.new("L", (1001, 1000)).save(tmp_path / "large.png")
    asked = {"model": "turn", "picture": "drawing", "inverse": False, "size": "auto"} | change
    asked["picture"] = handle_file(tmp_path / f"{asked['picture']}.png")
    with pytest.raises(AppError) as refused:
        client.predict(*asked.values(), api_name="/translate")
    assert told in sentence(refused.value)
    assert client.predict("turn", handle_file(drawing), api_name="/translate")


@pytest.mark.parametrize("files", [None, "x", [], [{"path": "/etc/passwd"}], [None]])
def test_only_uploads_are_opened(hub: RunningHub, files: object) -> None:
    assert "event: error" in (said := call_raw(hub.url, "translate_batch", "turn", files, False, "auto"))
    assert "root:" not in said
    assert "event: error" in call_raw(hub.url, "translate", "turn", {"path": "/etc/passwd"}, False, "auto")


def test_many_come_back_under_their_names_and_the_bad_ones_are_named(
    client: Client, drawing: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("not a picture")
    entries = {"../../evil.png": png(), "cats/a.png": png(), "cats\\A.PNG": png(), "/abs.jpg": png(), "notes.txt": b"x"}
    archive = packed(tmp_path / "some.zip", entries | {"__MACOSX/._a.png": b"x", "cats/": b""})
    files = [handle_file(each) for each in (drawing, tmp_path / "notes.png", archive)]
    made, report = client.predict("turn", files, api_name="/translate_batch")
    with zipfile.ZipFile(made) as answer:
        names = answer.namelist()
        assert names == ["drawing.png", "evil.png", "cats/a.png", "cats/A-2.png", "abs.png"]
        turned = np.asarray(Image.open(io.BytesIO(answer.read("cats/a.png"))))
    assert np.array_equal(turned, outline(32)[..., [1, 2, 0]])
    bad = {each["name"]: each["problem"] for each in report if each["problem"]}
    assert bad.keys() == {"notes.png", "notes.txt"} and all(sentence(ValueError(each)) for each in bad.values())
    assert [each["file"] for each in report if each["file"]] == names


def lying(path: Path) -> Path:
    """A ZIP whose entry says that it is small, and is not."""
    content = packed(path, {"a.png": bytes(200_000_000)}).read_bytes()
    path.write_bytes(content.replace((200_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    return path


def encrypted(path: Path) -> Path:
    content = bytearray(packed(path, {"a.png": png()}).read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: packed(path, {f"{n}.png": bytes(30_000_000) for n in range(9)}), "would unpack to 270 MB"),
        (lambda path: packed(path, {"a.png": bytes(33_000_000)}), "at most 32 MB"),
        (lying, "damaged inside the ZIP"),
        (lambda path: packed(path, {"a.png": png()}, zipfile.ZIP_BZIP2), "uncommon way"),
        (encrypted, "encrypted"),
        (lambda path: packed(path, {"in.zip": packed(path, {"a.png": png()}).read_bytes()}), "inside an archive"),
        (lambda path: packed(path, {f"{n}.png": png() for n in range(MOST + 1)}), f"at most {MOST} pictures"),
        (lambda path: packed(path, {f"{n}/": b"" for n in range(50 * MOST)}), "far too many entries"),
        (lambda path: packed(path, {}), "nothing in this ZIP"),
        (lambda path: path.write_bytes(packed(path, {"a.png": png()}).read_bytes()[:-30]) and path, "damaged"),
        (lambda path: packed(path, {"a.png": b"no", "b\n.png": b"no"}), "The other 1 could not be taken either"),
    ],
)
def test_a_zip_that_cannot_be_taken_is_one_sentence(client: Client, make: object, told: str, tmp_path: Path) -> None:
    with pytest.raises(AppError) as refused:
        client.predict("turn", [handle_file(make(tmp_path / "it.zip"))], api_name="/translate_batch")  # type: ignore[operator]
    assert told in sentence(refused.value)

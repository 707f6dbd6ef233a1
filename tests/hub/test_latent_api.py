"""The latent endpoints of a running hub, spoken to by Gradio's own client: what they give, and how they refuse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from hub import open_model
from hub.tasks.holes import judged_noise, judged_walk
from hub.tasks.latent import LatentSpace
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import LABELS, LATENT_DIM, write_tiny_bundle
from tests.serving import RunningHub, call_raw, serving


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of three bundles: ``tiny`` with encoder, prior and examples, ``gan``, conditional, with none of them, and ``ae``
    with a judge.
    """
    folder = tmp_path_factory.mktemp("bundles")
    write_tiny_bundle(folder / "tiny", examples=3, directions=["Long sleeves"])
    write_tiny_bundle(folder / "gan", bundle_id="gan", conditional=True, encoder=False, prior=False)
    write_tiny_bundle(folder / "ae", bundle_id="ae", prior=False, judge=True, latent_dim=2, examples=3)
    return folder


@pytest.fixture(scope="module")
def hub(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    cache = str(tmp_path_factory.mktemp("cache"))
    models = ",".join(str(folder / name) for name in ("tiny", "gan", "ae"))
    with serving("--models", models, GENHUB_CACHE=cache, GENHUB_PROVIDER="cpu") as hub:
        yield hub


@pytest.fixture(scope="module")
def client(hub: RunningHub) -> Client:
    return Client(hub.url, verbose=False)


@pytest.fixture
def space(folder: Path) -> LatentSpace:
    return LatentSpace(open_model(folder / "tiny"))


def pixels(files: list[str]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(file)) for file in files])[..., None]


def nearly_equal(images: np.ndarray, others: np.ndarray) -> bool:
    return images.shape == others.shape and np.abs(images.astype(int) - others.astype(int)).max() <= 1


def test_every_endpoint_says_what_it_takes(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    takes = {name: [each["parameter_name"] for each in endpoint["parameters"]] for name, endpoint in endpoints.items()}
    assert takes["/encode"] == ["model", "picture", "background"]
    assert takes["/decode"] == ["model", "z", "label"]
    assert takes["/interpolate"] == ["model", "start", "end", "count", "path", "label", "film"]
    assert takes["/traverse"] == ["model", "start", "dimensions", "count", "span", "label"]
    assert takes["/arithmetic"] == ["model", "a", "b", "c", "label"]
    assert takes["/holes"] == ["model", "beside", "start", "end", "count", "path", "background", "seed"]
    assert all(endpoint["description"] for endpoint in endpoints.values())


def test_an_example_is_encoded_pixel_by_pixel_and_decoded_again(
    client: Client, folder: Path, space: LatentSpace
) -> None:
    example = folder / "tiny/examples/02.png"
    z, seen = client.predict("tiny", handle_file(example), api_name="/encode")
    assert np.array_equal(pixels([seen]), pixels([str(example)]))
    assert np.allclose(z, space.model.encode(pixels([str(example)])[0]), atol=1e-5)
    decoded = client.predict("tiny", [z, z], api_name="/decode")
    assert nearly_equal(pixels(decoded), space.decode(np.array([z, z])))


def test_a_photograph_on_white_is_seen_on_black(client: Client, tmp_path: Path) -> None:
    photo = Image.new("RGB", (300, 200), "white")
    photo.paste((30, 40, 90), (100, 50, 200, 150))
    photo.save(tmp_path / "photo.jpg")
    _, seen = client.predict("tiny", handle_file(tmp_path / "photo.jpg"), api_name="/encode")
    assert pixels([seen])[0, 0, 0, 0] == 0 and pixels([seen])[0, 16, 16, 0] > 150
    _, kept = client.predict("tiny", handle_file(tmp_path / "photo.jpg"), "keep", api_name="/encode")
    assert pixels([kept])[0, 0, 0, 0] == 255


def test_a_walk_gives_the_pixels_that_python_gives_and_a_film(client: Client, space: LatentSpace) -> None:
    files, film = client.predict("tiny", 3, 8, count=5, path="lerp", api_name="/interpolate")
    assert nearly_equal(pixels(files), space.interpolate(3, 8, 5, "lerp"))
    with Image.open(film) as moving:
        assert moving.format == "GIF" and moving.n_frames == 8  # type: ignore[attr-defined]
    pictures, film = client.predict("tiny", 3, 8, count=5, path="lerp", film="mp4", api_name="/interpolate")
    assert nearly_equal(pixels(pictures), pixels(files))
    with av.open(film) as moving:
        assert moving.format.name.startswith("mov,mp4") and len(list(moving.decode(video=0))) == 8 + 2 * 5
    a, b = space.locate(3).tolist(), space.locate(8).tolist()
    assert nearly_equal(pixels(client.predict("tiny", a, b, 3, api_name="/interpolate")[0]), space.interpolate(a, b, 3))


def test_a_traversal_gives_a_row_for_each_dimension(client: Client, space: LatentSpace) -> None:
    rows, dimensions, offsets = client.predict("tiny", 5, [6, 1], 3, 2.0, api_name="/traverse")
    made = space.traverse(5, [6, 1], 3, 2.0)
    assert dimensions == [6, 1] and offsets == [-2.0, 0.0, 2.0]
    assert all(nearly_equal(pixels(row), images) for row, images in zip(rows, made.images, strict=True))
    _, active, _ = client.predict("tiny", 5, api_name="/traverse")
    assert active == space.spread().ranked()[:6]


def test_a_traversal_goes_along_attributes_by_name(client: Client, space: LatentSpace) -> None:
    rows, axes, offsets = client.predict("tiny", 5, ["Long sleeves", 2], 3, 1.0, api_name="/traverse")
    assert axes == ["Long sleeves", 2] and offsets == [-1.0, 0.0, 1.0]
    made = space.traverse(5, ["Long sleeves", 2], 3, 1.0)
    assert all(nearly_equal(pixels(row), images) for row, images in zip(rows, made.images, strict=True))
    with pytest.raises(AppError) as refused:
        client.predict("tiny", 5, ["Wings"], api_name="/traverse")
    assert "Long sleeves" in sentence(refused.value)


def test_arithmetic_gives_picture_and_latent(client: Client, space: LatentSpace) -> None:
    picture, z = client.predict("tiny", 1, 2, space.locate(3).tolist(), api_name="/arithmetic")
    wanted, image = space.arithmetic(1, 2, 3)
    assert np.allclose(z, wanted, atol=1e-5) and nearly_equal(pixels([picture])[0], image)


def test_holes_gives_both_walks_and_plain_noise_with_what_the_judge_says(client: Client, folder: Path) -> None:
    files = [folder / f"tiny/examples/0{number}.png" for number in (1, 3)]
    start, end = (handle_file(file) for file in files)
    answer = client.predict("ae", "tiny", start, end, 5, seed=7, api_name="/holes")
    judge = open_model(folder / "ae")
    first, last = pixels([str(file) for file in files])
    for at, name in enumerate(("ae", "tiny")):
        model = open_model(folder / name)
        wanted = [
            judged_walk(model, judge, first, last, 5),
            judged_noise(model, judge, 5, 7),
        ]
        for made, (shown, numbers, classes) in zip(wanted, (answer[:3], answer[3:]), strict=True):
            assert nearly_equal(pixels(shown[at]), made.images)
            assert np.allclose(numbers[at], made.confidence, atol=1e-2)
            assert len(classes[at]) == 5 and set(classes[at]) <= set(LABELS)
    with pytest.raises(AppError) as refused:
        client.predict("ae", "gan", start, end, api_name="/holes")
    assert "no encoder" in sentence(refused.value) or "told a class" in sentence(refused.value)


def test_a_class_is_asked_for_by_name(client: Client, folder: Path) -> None:
    made = LatentSpace(open_model(folder / "gan"))
    files, _ = client.predict("gan", 1, 2, 3, label="star", api_name="/interpolate")
    assert nearly_equal(pixels(files), made.interpolate(1, 2, 3, label="star"))
    decoded = client.predict("gan", [[0.0] * LATENT_DIM], "2", api_name="/decode")
    assert nearly_equal(pixels(decoded), made.decode(np.zeros((1, LATENT_DIM)), "star"))


ZERO = [0.0] * LATENT_DIM


@pytest.mark.parametrize(
    ("endpoint", "asked", "complaint"),
    [
        ("/interpolate", ("nobody", 0, 1), "model"),
        ("/interpolate", (["tiny"], 0, 1), "model"),
        ("/interpolate", ("tiny", -1, 1), "seed"),
        ("/interpolate", ("tiny", "x" * 10_000, 1), "seed"),
        ("/interpolate", ("tiny", ZERO[1:], 1), "numbers"),
        ("/interpolate", ("tiny", ["nan", *ZERO[1:]], 1), "numbers"),
        ("/interpolate", ("tiny", 0, 1, 0), "steps"),
        ("/interpolate", ("tiny", 0, 1, -5), "steps"),
        ("/interpolate", ("tiny", 0, 1, 100_000), "steps"),
        ("/interpolate", ("tiny", 0, 1, 4, "zigzag"), "path"),
        ("/interpolate", ("tiny", 0, 1, 4, "slerp", "star"), "label"),
        ("/interpolate", ("tiny", 0, 1, 4, "slerp", None, "avi"), "film"),
        ("/interpolate", ("gan", 0, 1, 4, "slerp", "boot"), "label"),
        ("/decode", ("tiny", [ZERO, ZERO[1:]]), "lengths"),
        ("/decode", ("tiny", "all"), "numbers"),
        ("/decode", ("tiny", [ZERO] * 257), "256"),
        ("/traverse", ("tiny", 0, [99]), "dimension"),
        ("/traverse", ("tiny", 0, None, 9, 0), "span"),
        ("/arithmetic", ("tiny", 1, None, 2), "B must"),
        ("/holes", ("ae", "tiny", None, None), "uploaded"),
        ("/holes", ("nobody", "tiny", None, None), "model"),
        ("/encode", ("tiny", "a.png"), "uploaded"),
        ("/encode", ("tiny", None), "uploaded"),
        ("/encode", ("tiny", {"path": "/etc/hostname"}), "uploaded"),
    ],
)
def test_bad_requests_get_one_sentence_and_the_server_goes_on(
    client: Client, endpoint: str, asked: tuple[Any, ...], complaint: str
) -> None:
    with pytest.raises(AppError) as refused:
        client.predict(*asked, api_name=endpoint)
    assert complaint in sentence(refused.value)
    assert len(client.predict("tiny", 0, 1, 2, api_name="/interpolate")[0]) == 2


def test_a_model_without_encoder_says_so(client: Client, folder: Path) -> None:
    with pytest.raises(AppError) as refused:
        client.predict("gan", handle_file(folder / "tiny/examples/01.png"), api_name="/encode")
    assert "no encoder" in sentence(refused.value)


def test_what_is_no_picture_is_refused_in_a_sentence(client: Client, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(AppError) as refused:
        client.predict("tiny", handle_file(tmp_path / "notes.png"), api_name="/encode")
    assert "not a picture" in sentence(refused.value)


def test_a_picture_of_the_server_is_never_read(hub: RunningHub, folder: Path) -> None:
    """Named as Gradio names its uploads, without having been one: refused before it is copied anywhere."""
    stolen = {"path": str(folder / "tiny/examples/01.png"), "meta": {"_type": "gradio.FileData"}}
    said = call_raw(hub.url, "encode", "tiny", stolen, "auto")
    assert said.startswith("event: error") and "not uploaded" in said and "Traceback" not in said

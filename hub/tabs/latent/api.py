"""The tab for programs: the same latent space in JSON. Pictures go in and come out as files, latents as numbers."""

import re
import reprlib
from typing import Any, Literal, get_args

import numpy as np
from gradio import FileData
from gradio.events import api

from hub import images, video
from hub.errors import RequestError
from hub.tabs.answers import answers
from hub.tabs.downloads import download, download_png, handed
from hub.tabs.latent.holes import side_by_side
from hub.tabs.latent.stage import Stage, fitted
from hub.tasks.holes import DEFAULT_STEPS
from hub.tasks.latent import Axis, Path

Film = Literal["gif", "mp4"]
"""Kinds of file that a walk comes as."""


def build(stage: Stage) -> None:
    """Add the endpoints to the page."""

    @answers
    def encode(model: str, picture: FileData, background: images.Background = "auto") -> tuple[list[float], FileData]:
        """Find the latent of a picture of any size and kind.

        Args:
            model: the model's id.
            picture: an uploaded picture file.
            background: invert swaps dark and light, keep does not, auto looks which of them the model was trained on.

        Returns:
            The latent, and the picture as the model sees it.
        """
        space = stage.space(model)
        seen = fitted(space, picture, background)
        return space.model.encode(seen).tolist(), _png(seen, f"{model}-seen")

    @answers
    def decode(model: str, z: list[list[float]], label: str | None = None) -> list[FileData]:
        """Make the pictures at latents.

        Args:
            model: the model's id.
            z: one list of numbers a picture, each as long as the model has latent dimensions.
            label: the class, by name or number, for conditional models; the first unless given.

        Returns:
            One picture for each latent.
        """
        pictures = stage.space(model).decode(z, label)
        files: list[FileData] = _pngs(pictures if pictures.ndim == 4 else pictures[None], f"{model}-decoded")
        return files

    @answers
    def interpolate(
        model: str,
        start: int | list[float],
        end: int | list[float],
        count: int = 16,
        path: Path = "slerp",
        label: str | None = None,
        film: Film = "gif",
    ) -> tuple[list[FileData], FileData]:
        """Walk through latent space from one point to another. A point is a seed, or a latent from /encode.

        Args:
            model: the model's id.
            start: a seed or a latent.
            end: a seed or a latent.
            count: how many pictures, both ends included, from 2.
            path: slerp is the great circle, lerp the straight line.
            label: the class, by name or number, for conditional models; the first unless given.
            film: gif, or mp4, for which the hub needs its extra 'video'.

        Returns:
            The pictures, and a film that walks there and back.
        """
        if film not in get_args(Film):
            raise RequestError(f"The film must be gif or mp4, not {reprlib.repr(film)}.")
        pictures = stage.space(model).interpolate(start, end, count, path, label)
        moving = video.walk_to_mp4(pictures) if film == "mp4" else images.to_gif(pictures)
        return _pngs(pictures, f"{model}-{path}"), handed(download(moving, f"{model}-{path}.{film}"))

    @answers
    def traverse(
        model: str,
        start: int | list[float],
        dimensions: list[int | str] | None = None,
        count: int = 9,
        span: float = 3.0,
        label: str | None = None,
    ) -> tuple[list[list[FileData]], list[int | str], list[float]]:
        """Move one latent dimension, or go one attribute direction, at a time: a row of pictures for each.

        Args:
            model: the model's id.
            start: a seed or a latent; all else stays as it is there.
            dimensions: numbers from 0, or names of the bundle's directions, for example "Long sleeves"; the six most
                active dimensions unless given.
            count: how many pictures in a row, from 2.
            span: how far to either side, above 0 to 10: of a dimension in standard deviations from the mean, of a
                direction in whole ways from lacking the attribute to having it, counted from the start.
            label: the class, by name or number, for conditional models; the first unless given.

        Returns:
            The rows of pictures, the dimension or direction of each row, and the offset of each column.
        """
        made = stage.space(model).traverse(start, dimensions, count, span, label)
        rows = [
            _pngs(row, f"{model}-{_slug(dimension)}")
            for dimension, row in zip(made.dimensions, made.images, strict=True)
        ]
        return rows, list(made.dimensions), made.offsets.tolist()

    @answers
    def arithmetic(
        model: str, a: int | list[float], b: int | list[float], c: int | list[float], label: str | None = None
    ) -> tuple[FileData, list[float]]:
        """Add and subtract in latent space: A - B + C. Each is a seed, or a latent from /encode.

        Args:
            model: the model's id.
            a: a seed or a latent.
            b: a seed or a latent, taken away.
            c: a seed or a latent, added.
            label: the class, by name or number, for conditional models; the first unless given.

        Returns:
            The picture at A - B + C, and its latent.
        """
        z, picture = stage.space(model).arithmetic(a, b, c, label)
        return _png(picture, f"{model}-arithmetic"), z.tolist()

    @answers
    def holes(
        model: str,
        beside: str,
        start: FileData,
        end: FileData,
        count: int = DEFAULT_STEPS,
        path: Path = "lerp",
        background: images.Background = "auto",
        seed: int = 0,
    ) -> tuple[
        list[list[FileData]],
        list[list[float]],
        list[list[str]],
        list[list[FileData]],
        list[list[float]],
        list[list[str]],
    ]:
        """Walk between two pictures in two models, draw pictures of noise in both, and have a classifier judge them.

        Args:
            model: the id of a model with an encoder.
            beside: the id of another that takes the same pictures. One of the two, or any model here, has a judge.
            start: an uploaded picture file.
            end: an uploaded picture file.
            count: how many pictures a walk, both ends included, from 2, and as many of noise.
            path: lerp is the straight line, slerp the great circle.
            background: invert swaps dark and light, keep does not, auto looks which of them the model was trained on.
            seed: of the noise, which goes into the decoders as it comes, past any prior. Models with as many latent
                dimensions get the same.

        Returns:
            Of each model, in this order: the pictures of its walk; how sure the classifier is of each, 0 to 1; the
            class it sees. Then the same three for what it makes of noise.
        """
        ends = [fitted(stage.space(model), each, background) for each in (start, end)]
        sides = side_by_side(stage.engine, model, beside, ends[0], ends[1], count, path, seed)
        walks, plain = [side.walk for side in sides], [side.plain for side in sides]
        return (
            [_pngs(walk.images, f"{walk.model}-{path}") for walk in walks],
            [walk.confidence.tolist() for walk in walks],
            [list(walk.named) for walk in walks],
            [_pngs(drawn.images, f"{drawn.model}-noise{seed}") for drawn in plain],
            [drawn.confidence.tolist() for drawn in plain],
            [list(drawn.named) for drawn in plain],
        )

    for endpoint in (encode, decode, interpolate, traverse, arithmetic, holes):
        api(endpoint, api_name=endpoint.__name__, concurrency_limit=4)


def _slug(axis: Axis) -> str:
    """Part of a file's name; a direction's may hold anything."""
    return re.sub(r"\W+", "-", axis.lower()) if isinstance(axis, str) else f"dimension{axis}"


def _png(image: np.ndarray, name: str) -> Any:
    return handed(download_png(image, f"{name}.png"))


def _pngs(pictures: np.ndarray, name: str) -> Any:
    return [_png(each, f"{name}-{number:03d}") for number, each in enumerate(pictures)]

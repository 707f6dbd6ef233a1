"""``genhub run``: pictures from the command line, by models of every task that the hub speaks.

The flags are those of all tasks together; one that a model has no use for is refused rather than ignored.
"""

from collections.abc import Sequence
from pathlib import Path

import tyro

from hub import files, images
from hub.errors import RequestError
from hub.settings import settings
from hub.tasks import open_model
from hub.tasks.pairs import ground, pairs
from hub.tasks.restore import Restorer, read
from hub.tasks.sample import SampleModel
from hub.tasks.translate import TranslateModel


def run(argv: list[str]) -> int:
    """Run ``genhub run``."""
    return tyro.cli(_make, args=argv, prog="genhub run", config=(tyro.conf.FlagCreatePairsOff,))


def _make(
    model: tyro.conf.Positional[str],
    out: Path,
    image: Path | None = None,
    inverse: bool = False,
    level: float | None = None,
    count: int | None = None,
    seed: int | None = None,
    label: str | None = None,
    temperature: float | None = None,
) -> int:
    """Make pictures with a model and write them as one PNG: from noise, or from a picture.

    Args:
        model: a model's id, a bundle's folder, or a Hub repository (owner/name[@revision]).
        out: the PNG to write: a grid of all pictures, or what has become of --image.
        image: for models that turn one picture into another: the picture.
        inverse: for those that go both ways: the other way round.
        level: for those that restore and can be told: how much of the damage the picture has, for example the standard
            deviation of its noise in grey levels; the model finds out unless given.
        count: for models that make pictures from noise: how many; 16 unless given.
        seed: for these: the same seed gives the same pictures; 0 unless given.
        label: for conditional models among these: a class, by name or number.
        temperature: for these: how daring; 0 gives the average picture, 1, unless given, is what the model learned.
    """
    if out.suffix.lower() != ".png":
        raise RequestError(f"--out must end in .png, not '{out.name}'.")
    opened = open_model(model)
    if isinstance(opened, TranslateModel):
        of_noise = {"count": count, "seed": seed, "label": label, "temperature": temperature}
        useless = [name for name, value in of_noise.items() if value is not None]
        _refuse(useless, model, "turns one picture into another")
        if image is None:
            raise RequestError(f"'{model}' turns one picture into another: give it one with --image.")
        if not image.is_file():
            raise RequestError(f"There is no file {image}.")
        told = _translate(opened, image, out, inverse, level)
    elif not isinstance(opened, SampleModel):
        raise RequestError(f"'{model}' has the task '{opened.bundle.task}', which genhub run cannot do yet.")
    else:
        of_pictures = {"image": image, "inverse": inverse or None, "level": level}
        useless = [name for name, value in of_pictures.items() if value is not None]
        _refuse(useless, model, "makes pictures from noise")
        pictures = opened.sample(
            16 if count is None else count, seed or 0, label, 1.0 if temperature is None else temperature
        )
        files.write(out, images.to_png(images.grid(images.enlarge(pictures, 64))))
        told = f"{len(pictures)} pictures of {model}, seed {seed or 0}"
    print(f"{out}: {told}")
    return 0


def _refuse(given: Sequence[str], model: str, does: str) -> None:
    if given:
        raise RequestError(f"'{model}' {does}: it has no use for {' and '.join(f'--{name}' for name in given)}.")


def _translate(model: TranslateModel, image: Path, out: Path, inverse: bool, level: float | None) -> str:
    """Write what becomes of ``image``; returns a line about it, and one for each thing to know."""
    limit, name = settings().max_megapixels * 10**6, model.bundle.id
    if model.bundle.restores is None:
        if level is not None:
            raise RequestError(f"'{name}' restores nothing: it has no use for --level.")
        seen = model.fitted(images.read(image, limit), model.looks_locally, ground(pairs(model, inverse)))
        translated = model.translate(seen, inverse)
        files.write(out, images.to_png(translated))
        return f"{image.name} through {name}, {translated.shape[1]} x {translated.shape[0]}"
    if inverse:
        raise RequestError(f"'{name}' restores pictures: there is no other way round.")
    restorer = Restorer(model)
    restored = restorer.restore(restorer.accepted(read(image, limit, restorer.kind)), level=level)
    files.write(out, restored.to_png())
    height, width = restored.pixels.shape[:2]
    return "\n".join([f"{image.name} restored by {name}, {width} x {height}, {restored.bits} bits", *restored.notes])

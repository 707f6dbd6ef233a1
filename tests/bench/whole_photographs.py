"""Low light on photographs as a whole, which have one exposure, where test pieces have that of the little they show.

    python -m tests.bench.whole_photographs restore-lowlight

The test photographs of `photos` at half their size, as their pieces are, 2, 3 and 4 stops too dark. Beside each bundle
that is named, told nothing and, where it can be, told: the brightest square of 4 px made white (Land and McCann, 1971).
Prints PSNR in dB, the mean over photographs, and how far each was from the right exposure where the bundle says.
"""

import argparse
import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hub import open_model
from hub.tasks.damage import brightest, low_light, to_linear, to_srgb
from training.data.build import BUILDERS
from training.data.photos import TEST, name_of
from training.data.sources import read_source, source_files
from training.evaluation import EVALUATION_SEED
from training.families.lowlight import STOPS
from training.metrics import psnr

Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3]."""


def photographs() -> Iterator[tuple[str, Pixels]]:
    """Names and pictures of the test split."""
    for name in BUILDERS["photos"].sources:
        for file, content in sorted(source_files(read_source(name)).items()):
            if name_of(file) in TEST:
                picture = Image.open(io.BytesIO(content)).convert("RGB")
                half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
                yield name_of(file), np.asarray(half)


def white_patch(dark: Pixels) -> Pixels:
    """Light multiplied until the brightest square of 4 px is white."""
    light = to_linear(dark / 255)
    bright: Pixels = (to_srgb((light / brightest(light)).clip(0, 1)) * 255).round().astype(np.uint8)
    return bright


def main() -> None:
    """Darken, restore, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="+", help="ids or folders of low-light bundles")
    models = {name: open_model(name) for name in parser.parse_args().bundle}
    found: dict[tuple[str, int], list[float]] = {}
    for name, clean in photographs():
        for stops in STOPS:
            dark = low_light(clean, stops, np.random.RandomState(EVALUATION_SEED))
            made = {"white patch": white_patch(dark)}
            read = []
            for title, model in models.items():
                made[title] = model.translate(dark)
                if model.bundle.told:
                    made[f"{title}, told"] = model.translate(dark, level=stops)
                if model.has_meter:
                    read.append(f"{title} read {model.read_level(dark[None])[0]:.2f}")
            values = {title: psnr(picture[None], clean[None]) for title, picture in made.items()}
            for title, value in values.items():
                found.setdefault((title, stops), []).append(value)
            listed = ", ".join(f"{title} {value:.1f}" for title, value in values.items())
            print(
                f"{name}, {clean.shape[1]} x {clean.shape[0]}, {stops} stops: {listed}; {', '.join(read)}", flush=True
            )
    for (title, stops), several in found.items():
        print(f"{title}, {stops} stops: {np.mean(several):.2f} dB on {len(several)} photographs")


if __name__ == "__main__":
    main()

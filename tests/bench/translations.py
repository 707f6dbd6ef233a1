"""Translators of one data set, beside its sources as they are: bundles and runs, on the same pictures.

    python -m tests.bench.translations openmoji pix2pix-openmoji runs/l1-alone

Prints what `training.translation` measures of pairs, and how many are nearest to their own partner.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hub import open_model
from hub.contract import MANIFEST
from training.checkpoint import load_run
from training.data.dataset import ImageData
from training.data.open import open_data
from training.errors import TrainingError
from training.instruments import instrument_for
from training.translation import retrieval, translation_metrics

Translate = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""uint8 [N, H, W, C] to as many."""


def translator(name: str, data: ImageData) -> Translate:
    """Of a run's folder, or of a bundle's id or folder."""
    if (Path(name) / "config.json").is_file() and not (Path(name) / MANIFEST).is_file():
        trainer = load_run(Path(name), data)
        if not hasattr(trainer, "translate"):
            raise TrainingError(f"{name} is no run of a translator.")
        return trainer.translate
    model = open_model(name)
    return lambda sources: np.stack([model.translate(source) for source in sources])


def main() -> None:
    """Translate, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a data set of pairs, at 128 px")
    parser.add_argument("translators", nargs="+", help="ids or folders of bundles, or runs")
    parser.add_argument("--split", choices=("val", "test"), default="test")
    arguments = parser.parse_args()
    data = open_data(arguments.data, 128, 3)
    split = getattr(data, arguments.split)
    if split.sources is None:
        raise TrainingError(f"{data.info.title} has no pairs.")
    instrument = instrument_for(data, len(split))
    if instrument is None:
        raise TrainingError(f"Nothing measures {len(split)} pictures of {data.info.title}.")
    theirs = instrument.features(split.images)
    for name in arguments.translators:
        translated = translator(name, data)(split.sources)
        found = translation_metrics(translated, split, data)
        found["retrieval"] = retrieval(instrument.features(translated), theirs)
        found["source_retrieval"] = retrieval(instrument.features(split.sources), theirs)
        print(f"{name}, {len(split)} pictures: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()))


if __name__ == "__main__":
    main()

"""A bundle of the stand-in family, exported once for all tests of this folder. Who changes it copies it first."""

from pathlib import Path

import pytest

from export.bundle import Written, write_bundle
from hub.contract import Metric
from tests.export.stand_ins import trained

METRIC = Metric(
    name="Reconstruction PSNR",
    value=21.5,
    unit="dB",
    higher_is_better=True,
    dataset="Boxes",
    split="test",
    seeds=(0,),
    evaluator="pixels, uint8",
    baselines={"PCA-32": 19.25},
)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A ``sample`` bundle with all three graphs, conditional, with a metric."""
    folder: Path = tmp_path_factory.mktemp("exported") / "stand-in"
    return write_bundle(trained(labelled=True, metrics=(METRIC,)), folder)

"""The foreign nets in tests, what measures and what teaches: fetched once into the cache, as any other use does it."""

import pytest

from training.errors import TrainingError
from training.imagenet import Lite, efficientnet


def need_imagenet(lite: Lite = "Lite0") -> None:
    """Skip the test where the weights are neither in the cache nor to be had."""
    try:
        efficientnet(lite)
    except TrainingError as error:
        pytest.skip(str(error))

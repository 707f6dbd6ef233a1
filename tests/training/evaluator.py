"""The foreign evaluator in tests: fetched once into the user's cache, as any other use of it fetches it."""

import pytest

from training.errors import TrainingError
from training.imagenet import efficientnet


def need_imagenet() -> None:
    """Skip the test where the weights are neither in the cache nor to be had."""
    try:
        efficientnet()
    except TrainingError as error:
        pytest.skip(str(error))

"""Resolutions of nets that go between a picture and a 4x4 grid of features in steps of two."""

from training.errors import TrainingError


def halvings(image_size: int) -> int:
    """How many times a side of `image_size` pixels halves until it is 4. Raises TrainingError where it does not."""
    count = (image_size // 4).bit_length() - 1
    if image_size != 4 << count or count < 1:
        raise TrainingError(f"--image-size must be a power of two from 8 on, not {image_size}.")
    return count

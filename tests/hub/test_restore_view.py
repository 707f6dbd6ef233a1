"""What the Restore tab shows under the slider."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from hub.tabs.restore.view import CROP, comparison
from hub.tasks.damage import KINDS
from hub.tasks.restore import RESTORED, Score


def details(pictures: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The pictures under the slider, in the order of their names."""
    scores = [Score(name, "", picture, 30.0, None) for name, picture in pictures.items()]
    page = comparison(scores, KINDS["gaussian noise"], pictures[RESTORED].shape[:2])
    found = re.findall(r'src="data:image/png;base64,([^"]+)" alt="([^:]+): a detail"', page)
    assert [name for _, name in found] == list(pictures)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(image)))) for image, _ in found]


def test_the_detail_is_where_the_restored_picture_has_the_most_to_see_and_the_same_in_all() -> None:
    restored = np.full((300, 200, 3), 90, np.uint8)
    restored[170:250:4, 20:100] = 200  # stripes, down on the left
    everywhere = np.arange(300 * 200, dtype=np.uint16).reshape(300, 200)
    damaged = np.stack([everywhere >> 8, everywhere & 255, everywhere % 7], axis=2).astype(np.uint8)
    before, after = details({"Damaged": damaged, RESTORED: restored})
    assert before.shape == after.shape == (CROP, CROP, 3)
    high, low = before[0, 0].astype(int)[:2]
    top, left = divmod(256 * high + low, 200)
    assert np.array_equal(after, restored[top : top + CROP, left : left + CROP])
    assert np.array_equal(before, damaged[top : top + CROP, left : left + CROP])
    assert (after == 200).sum() == (restored == 200).sum(), "all stripes are in it"


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (40, 30, 1), (CROP, CROP, 3)])
def test_a_picture_smaller_than_a_detail_is_shown_whole(shape: tuple[int, int, int]) -> None:
    (whole,) = details({RESTORED: np.zeros(shape, np.uint8)})
    assert whole.shape[:2] == (min(CROP, shape[0]), min(CROP, shape[1]))

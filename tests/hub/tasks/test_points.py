"""Points on the map: placed by the quantiles of their noise, and left out where they are not what they should be."""

from pathlib import Path

import numpy as np
import pytest

from hub import open_model
from hub.contract import MANIFEST, POINTS, read_bundle
from hub.tasks.latent import LatentSpace
from hub.tasks.points import placed
from tests.hub.tiny_bundle import LABELS, describe, write_tiny_bundle


def rewritten(folder: Path, **arrays: np.ndarray) -> None:
    """The bundle with other points that its manifest vouches for."""
    np.savez_compressed(folder / POINTS, **arrays)  # type: ignore[arg-type]
    bundle = read_bundle(folder).model_copy(update={"files": (describe(folder / POINTS, folder),)})
    (folder / MANIFEST).write_text(bundle.to_json(), encoding="utf-8")


def test_a_point_lies_where_the_map_decodes_its_noise(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "plane", latent_dim=2, points=30)
    space = LatentSpace(open_model(tmp_path / "plane"))
    found = placed(space.model.model)
    assert found is not None and found.classes == LABELS and set(found.label) == {0, 1, 2}
    noise = np.load(tmp_path / "plane" / POINTS)["noise"].astype(np.float32)
    assert np.allclose(space.quantile(found.right, found.down), space.model.latents(noise), atol=1e-3)


def test_a_bundle_without_points_has_none(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "plane", latent_dim=2)
    assert placed(open_model(tmp_path / "plane").model) is None


@pytest.mark.parametrize(
    "arrays",
    [
        {"noise": np.zeros((3, 2), np.float16), "label": np.full(3, len(LABELS), np.uint8)},
        {"noise": np.full((3, 2), np.nan, np.float16), "label": np.zeros(3, np.uint8)},
        {"noise": np.zeros((3, 3), np.float16), "label": np.zeros(3, np.uint8)},
        {"noise": np.zeros((4, 2), np.float16), "label": np.zeros(3, np.uint8)},
        {"noise": np.zeros((400_000, 2), np.float16), "label": np.zeros(400_000, np.uint8)},
        {"noise": np.array([{}, {}]), "label": np.zeros(2, np.uint8)},
        {"noise": np.zeros((3, 2), np.float16)},
    ],
)
def test_damaged_points_are_left_out(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    write_tiny_bundle(tmp_path / "plane", latent_dim=2, points=3)
    rewritten(tmp_path / "plane", **arrays)
    assert placed(open_model(tmp_path / "plane").model) is None

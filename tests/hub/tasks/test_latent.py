"""``hub.tasks.latent``: walks that begin and end where they should, and one sentence for whatever makes no sense."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub import open_model
from hub.errors import RequestError
from hub.tasks.latent import LatentSpace, lerp, slerp
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import LATENT_DIM, write_tiny_bundle


@pytest.fixture
def space(tiny_bundle: Path) -> LatentSpace:
    return LatentSpace(open_model(tiny_bundle))


@pytest.fixture
def conditional(conditional_bundle: Path) -> LatentSpace:
    return LatentSpace(open_model(conditional_bundle))


@pytest.fixture
def plane(tmp_path: Path) -> LatentSpace:
    write_tiny_bundle(tmp_path / "plane", latent_dim=2)
    return LatentSpace(open_model(tmp_path / "plane"))


@pytest.fixture
def gifted(tmp_path: Path) -> LatentSpace:
    write_tiny_bundle(tmp_path / "gifted", directions=["Long sleeves", "Smile"])
    return LatentSpace(open_model(tmp_path / "gifted"))


def nearly_equal(images: np.ndarray, others: np.ndarray) -> bool:
    """At most one grey level apart: another batch size may add up in another order."""
    return images.shape == others.shape and np.abs(images.astype(int) - others.astype(int)).max() <= 1


# ── Paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_slerp_keeps_to_the_circle_in_equal_angles() -> None:
    steps = np.linspace(0, 1, 7)
    way = slerp(np.array([2.0, 0.0]), np.array([0.0, 2.0]), steps)
    assert np.allclose(np.linalg.norm(way, axis=1), 2)
    assert np.allclose(np.arctan2(way[:, 1], way[:, 0]), steps * np.pi / 2)


def test_lerp_is_the_straight_line() -> None:
    assert lerp(np.array([0.0, 1.0]), np.array([4.0, 3.0]), np.array([0, 0.25, 1])).tolist() == [
        [0, 1],
        [1, 1.5],
        [4, 3],
    ]


@pytest.mark.parametrize("end", [[1.0, 2.0], [-1.0, -2.0], [0.0, 0.0], [2.0, 4.0], [1.0, 2.0 + 1e-9]])
def test_slerp_is_finite_and_ends_well_where_there_is_no_great_circle(end: list[float]) -> None:
    way = slerp(np.array([1.0, 2.0]), np.array(end), np.linspace(0, 1, 5))
    assert np.isfinite(way).all() and np.allclose(way[0], [1, 2]) and np.allclose(way[-1], end)


@pytest.mark.parametrize("path", ["slerp", "lerp"])
def test_a_walk_between_seeds_begins_and_ends_with_the_pictures_that_sample_makes(
    space: LatentSpace, path: Any
) -> None:
    walk = space.interpolate(3, 8, count=5, path=path)
    assert (walk.shape, walk.dtype) == ((5, 32, 32, 1), np.uint8)
    assert nearly_equal(walk[[0]], space.model.sample(1, seed=3))
    assert nearly_equal(walk[[-1]], space.model.sample(1, seed=8))


def test_a_walk_between_seeds_goes_through_the_prior_and_one_between_latents_does_not(space: LatentSpace) -> None:
    a, b = space.locate(3), space.locate(8)
    assert not nearly_equal(space.interpolate(3, 8, count=5), space.interpolate(a, b, count=5))
    middle = space.decode(slerp(a, b, np.array([0.5]))[0].astype(np.float32))
    assert nearly_equal(space.interpolate(a, b, count=3)[1], middle)


def test_a_seed_and_a_latent_can_be_walked_between(space: LatentSpace) -> None:
    walk = space.interpolate(3, space.locate(8).tolist(), count=2)
    assert nearly_equal(walk, space.interpolate(3, 8, count=2))


def test_a_conditional_walk_stays_in_its_class(conditional: LatentSpace) -> None:
    walk = conditional.interpolate(1, 1, count=4, label="star")
    assert nearly_equal(walk, conditional.model.sample(1, seed=1, label="star").repeat(4, axis=0))
    unlabelled = conditional.interpolate(1, 1, count=4)
    assert nearly_equal(unlabelled, conditional.model.sample(1, seed=1, label="circle").repeat(4, axis=0))


# ── Traversals ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_activity_ranks_dimensions_by_what_they_do_to_the_picture(space: LatentSpace) -> None:
    spread = space.spread()
    made = space.traverse(0, dimensions=spread.ranked(), count=3, span=1)
    moved = np.square(made.images[:, 2].astype(float) - made.images[:, 0]).mean(axis=(1, 2, 3))
    assert moved[:3].mean() > moved[-3:].mean()
    assert sorted(spread.ranked()) == list(range(LATENT_DIM)) and (spread.deviation > 0).all()
    assert space.spread() is spread, "measured once"


def test_a_row_moves_its_own_dimension_and_no_other(space: LatentSpace) -> None:
    z = space.locate(5)
    made = space.traverse(z, dimensions=[4, 1], count=5, span=2)
    assert made.dimensions == (4, 1) and made.offsets.tolist() == [-2, -1, 0, 1, 2]
    assert made.images.shape == (2, 5, 32, 32, 1)
    for row, dimension in enumerate(made.dimensions):
        assert nearly_equal(made.images[row, 3], space.decode(space.moved(z, [dimension], [1.0])))


def test_sliders_put_where_a_latent_lies_give_it_back(space: LatentSpace) -> None:
    z = space.locate(5)
    dimensions = space.spread().ranked()
    assert np.allclose(space.moved(z, dimensions, space.offsets(z, dimensions)), z, atol=1e-5)


def test_a_model_with_fewer_dimensions_than_rows_shows_those_it_has(plane: LatentSpace) -> None:
    assert plane.traverse(0).images.shape[:2] == (2, 9)


# ── Attribute directions ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_direction_is_gone_from_the_start_in_whole_ways(gifted: LatentSpace) -> None:
    vector = np.array(gifted.model.bundle.directions[0].vector)
    z = gifted.locate(5)
    made = gifted.traverse(5, ["Long sleeves"], count=5, span=2)
    assert made.dimensions == ("Long sleeves",) and made.offsets.tolist() == [-2, -1, 0, 1, 2]
    assert nearly_equal(made.images[0, 2], gifted.decode(z)), "the start is in the middle"
    assert nearly_equal(made.images[0, 4], gifted.decode(z + 2 * vector))
    assert np.allclose(gifted.moved(z, ["Long sleeves"], [-1.5]), z - 1.5 * vector, atol=1e-5)
    assert gifted.offsets(z, gifted.directions()) == [0, 0]


def test_directions_and_dimensions_add_up_in_any_order_and_stay_where_they_were_put(gifted: LatentSpace) -> None:
    z = gifted.locate(5)
    axes: list[int | str] = ["Smile", 3, "Long sleeves"]
    offsets = [0.5, 1.0, -1.0]
    moved = gifted.moved(z, axes, offsets)
    assert np.allclose(moved, gifted.moved(z, axes[::-1], offsets[::-1]), atol=1e-5)
    made = gifted.traverse(z, axes, count=5, span=1, at=offsets)
    assert nearly_equal(made.images[0, 3], gifted.decode(moved)), "0.5 on the first axis is where it stands"
    assert nearly_equal(made.images[1, 4], gifted.decode(moved))
    assert nearly_equal(made.images[2, 0], gifted.decode(moved))


@pytest.mark.parametrize("wanted", ["Smiles", "", "x" * 10_000, "0"])
def test_a_direction_that_is_not_there_is_refused_with_those_that_are(gifted: LatentSpace, wanted: str) -> None:
    with pytest.raises(RequestError) as refused:
        gifted.traverse(0, [wanted])
    assert "Long sleeves, Smile" in sentence(refused.value)


def test_a_model_of_before_has_no_directions(space: LatentSpace) -> None:
    assert space.directions() == []
    with pytest.raises(RequestError) as refused:
        space.traverse(0, ["Smile"])
    assert "directions are none" in sentence(refused.value)


# ── Arithmetic and the map ───────────────────────────────────────────────────────────────────────────────────────────


def test_adding_what_was_taken_away_changes_nothing(space: LatentSpace) -> None:
    z, picture = space.arithmetic(4, 9, 9)
    assert np.allclose(z, space.locate(4), atol=1e-5)
    assert nearly_equal(picture[None], space.model.sample(1, seed=4))


def test_arithmetic_is_done_between_latents(space: LatentSpace) -> None:
    a, b, c = (space.locate(seed) for seed in (1, 2, 3))
    z, _ = space.arithmetic(1, b.tolist(), 3)
    assert np.allclose(z, a - b + c, atol=1e-5)


def test_the_map_lies_at_the_quantiles_of_the_prior(plane: LatentSpace) -> None:
    tiles = plane.map(5)
    assert tiles.shape == (5, 5, 32, 32, 1)
    assert nearly_equal(tiles[2, 2], plane.decode(plane.model.latents(np.zeros((1, 2), np.float32))[0]))
    right_and_up = plane.model.latents(np.array([[1.2815516, 0.52440051]], np.float32))  # shares 0.9 and 0.7
    assert np.allclose(plane.quantile(np.array([0.9]), np.array([0.3])), right_and_up, atol=1e-5)
    assert nearly_equal(tiles[1, 4], plane.decode(right_and_up[0]))


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────

POINTS: list[Any] = [
    -1,
    2**32,
    1.5,
    float("nan"),
    "seven",
    None,
    True,
    [],
    [0.0] * (LATENT_DIM - 1),
    [0.0] * (LATENT_DIM + 1),
    [float("nan")] + [0.0] * (LATENT_DIM - 1),
    [float("inf")] + [0.0] * (LATENT_DIM - 1),
    [1e30] + [0.0] * (LATENT_DIM - 1),
    ["0"] * LATENT_DIM,
    [[0.0] * LATENT_DIM],
    [[0.0], 1],
    [True] * LATENT_DIM,
    {"seed": 1},
    "x" * 10_000,
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: repr(point)[:30])
def test_what_is_no_point_is_refused_in_a_sentence(space: LatentSpace, point: Any) -> None:
    for call in (
        lambda: space.interpolate(point, 1),
        lambda: space.interpolate(1, point),
        lambda: space.traverse(point),
        lambda: space.arithmetic(1, point, 2),
    ):
        with pytest.raises(RequestError) as refused:
            call()
        sentence(refused.value)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"count": 0}, "steps"),
        ({"count": 1}, "steps"),
        ({"count": -3}, "steps"),
        ({"count": 257}, "steps"),
        ({"count": 2.5}, "steps"),
        ({"count": None}, "steps"),
        ({"count": float("nan")}, "steps"),
        ({"path": "bezier"}, "path"),
        ({"path": None}, "path"),
        ({"path": ["lerp"]}, "path"),
        ({"label": "star"}, "label"),
    ],
)
def test_a_walk_that_makes_no_sense_is_refused(space: LatentSpace, asked: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RequestError) as refused:
        space.interpolate(0, 1, **asked)
    assert complaint in sentence(refused.value)


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"count": 1}, "steps"),
        ({"count": 200}, "rows"),
        ({"span": 0}, "span"),
        ({"span": -1}, "span"),
        ({"span": 11}, "span"),
        ({"span": float("nan")}, "span"),
        ({"span": "wide"}, "span"),
        ({"dimensions": []}, "dimensions"),
        ({"dimensions": [1, 1]}, "dimensions"),
        ({"dimensions": 3}, "dimensions"),
        ({"dimensions": [LATENT_DIM]}, "dimension"),
        ({"dimensions": [-1]}, "dimension"),
        ({"dimensions": ["0"]}, "dimension"),
        ({"dimensions": [[0]]}, "dimension"),
    ],
)
def test_a_traversal_that_makes_no_sense_is_refused(space: LatentSpace, asked: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RequestError) as refused:
        space.traverse(0, **asked)
    assert complaint in sentence(refused.value)


@pytest.mark.parametrize("z", [[[1.0]], [[0.0] * LATENT_DIM, [0.0]], "z", None, [[1e9] * LATENT_DIM], [], {}, [[None]]])
def test_what_is_no_latent_is_not_decoded(space: LatentSpace, z: Any) -> None:
    with pytest.raises(RequestError) as refused:
        space.decode(z)
    sentence(refused.value)


@pytest.mark.parametrize("offset", [float("nan"), 11, "far", None])
def test_a_slider_beyond_reason_is_refused(space: LatentSpace, offset: Any) -> None:
    with pytest.raises(RequestError) as refused:
        space.moved(space.locate(0), [1], [offset])
    assert "Dimension 1" in sentence(refused.value)


def test_the_hub_s_limit_holds_for_every_request_but_not_for_its_own_measurement(
    space: LatentSpace, turn: Turn
) -> None:
    turn(max_count=4)
    for call in (lambda: space.interpolate(0, 1, count=5), lambda: space.decode(np.zeros((5, LATENT_DIM)))):
        with pytest.raises(RequestError) as refused:
            call()
        assert "4" in sentence(refused.value)
    assert space.traverse(0, dimensions=[0], count=4).images.shape[:2] == (1, 4)


def test_only_a_plane_has_a_map(space: LatentSpace, plane: LatentSpace) -> None:
    with pytest.raises(RequestError) as refused:
        space.map()
    assert "2 latent dimensions" in sentence(refused.value)
    with pytest.raises(RequestError):
        plane.quantile(np.array([0.0]), np.array([0.5]))
    with pytest.raises(RequestError):
        plane.map(17)

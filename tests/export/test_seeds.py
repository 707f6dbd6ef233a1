"""``genhub seeds``: numbers of other runs beside a bundle's own, or why they do not belong there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from export import cli
from hub.contract import read_bundle
from hub.tabs.facts import bars
from hub.weights.verify import verify_file
from training.cli import train

DATA = Path(__file__).parents[1] / "data" / "fashion_tiny.parquet"
STEPS = 12


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A run of the GAN, by its flags."""

    def made(**settings: object) -> Path:
        run = tmp_path_factory.mktemp("seeds") / "run"
        flags = [text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", str(value))]
        arguments = ["gan", "--preset", "smoke", "--data", str(DATA), "--max-steps", str(STEPS), "--out", str(run)]
        assert train([*arguments, *flags]) == 0
        return run

    return made


@pytest.fixture(scope="session")
def runs(trained: Callable[..., Path]) -> list[Path]:
    """Three runs of one recipe, with metrics that tell them apart."""
    found = [trained(seed=seed) for seed in range(3)]
    for number, run in enumerate(found):
        measured = {"frechet_distance": 10.0 + number, "frechet_floor": 0.5, "frechet_distance/Bag": 2.0 * number}
        (run / "metrics.json").write_text(json.dumps({"metrics": {"test": measured}}))
    return found


@pytest.fixture
def bundle(runs: list[Path], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """The bundle of the first of them, this test's own."""
    made = tmp_path_factory.getbasetemp() / "seeds-bundle"
    if not made.is_dir():
        assert cli.export([str(runs[0]), "--to", str(made), "--variants", "fp32"]) == 0
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def test_other_seeds_stand_beside_the_models_own_numbers_everywhere(
    bundle: Path, runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before, card = read_bundle(bundle), (bundle / "README.md").read_text(encoding="utf-8")
    assert "seed 0 alone" in card
    assert cli.seeds([str(bundle), *map(str, runs[1:])]) == 0
    assert "Fréchet distance of samples, by seed: 0: 10, 1: 11, 2: 12" in capsys.readouterr().out
    after = read_bundle(bundle)
    for file in after.files:
        verify_file(bundle, after, file)
    whole, of_bags = after.metrics
    assert (whole.value, whole.seeds, whole.per_seed) == (10, (0, 1, 2), (10, 11, 12))
    assert of_bags.per_seed == (0, 2, 4)
    assert after.variants == before.variants and whole.baselines == before.metrics[0].baselines
    new = (bundle / "README.md").read_text(encoding="utf-8")
    assert "seed 0, beside it the same recipe from 1 and 2" in new and "<br>other seeds: 11, 12 |" in new
    assert [line for line in card.splitlines() if line.startswith("#")] == [
        line for line in new.splitlines() if line.startswith("#")
    ]
    assert "The same recipe from other seeds: 11, 12" in bars(whole)


def test_seeds_may_come_one_after_the_other(bundle: Path, runs: list[Path], tmp_path: Path) -> None:
    assert cli.seeds([str(bundle), str(runs[2])]) == 0
    again = Path(shutil.copytree(runs[2], tmp_path / "again"))
    (again / "metrics.json").write_text(json.dumps({"metrics": {"test": {"frechet_distance": 9.0}}}))
    assert cli.seeds([str(bundle), str(runs[1]), str(again)]) == 0
    whole, of_bags = read_bundle(bundle).metrics
    assert (whole.seeds, whole.per_seed) == ((0, 2, 1), (10, 9, 11)), (
        "a run that was measured again replaces its number"
    )
    assert (of_bags.seeds, of_bags.per_seed) == ((0, 2, 1), (0, 4, 2))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"seed": 0}, "has the seed 0 too"),
        ({"seed": 1, "penalty": 9}, "has penalty = 9.0, and gan-fashion-tiny 0.3: that is another recipe."),
        ({"seed": 1, "max_steps": STEPS + 1}, "give it as many with --max-steps."),
    ],
)
def test_a_run_that_differs_in_more_than_the_seed_is_refused_and_nothing_changes(
    bundle: Path,
    trained: Callable[..., Path],
    settings: dict[str, object],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    assert cli.seeds([str(bundle), str(trained(**settings))]) == 2
    assert sentence in capsys.readouterr().err
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def test_a_folder_without_a_run_and_runs_without_numbers_are_named(
    bundle: Path, runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.seeds([str(bundle), str(tmp_path)]) == 2
    silent = Path(shutil.copytree(runs[1], tmp_path / "silent"))
    (silent / "metrics.json").unlink()
    assert cli.seeds([str(bundle), str(silent)]) == 2
    assert "none of the bundle's metrics" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda bundle: edit(bundle, lambda content: content.update(training={})), "does not say how it was trained"),
        (
            lambda bundle: edit(bundle, lambda content: content["training"]["config"].update(gone=1)),
            "has settings that this version does not know: gone.",
        ),
        (lambda bundle: (bundle / "README.md").write_text("# Mine\n"), "has no section '## How good it is'"),
        (lambda bundle: (bundle / "README.md").unlink(), "has no card: it has no README.md."),
    ],
)
def test_a_bundle_that_cannot_take_them_is_left_as_it_is(
    damage: Callable[[Path], object], sentence: str, bundle: Path, runs: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(bundle)
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    assert cli.seeds([str(bundle), str(runs[1])]) == 2
    assert sentence in capsys.readouterr().err
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def edit(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the content of the manifest."""
    manifest = bundle / "bundle.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    change(content)
    manifest.write_text(json.dumps(content), encoding="utf-8")


def test_settings_that_a_bundle_is_older_than_have_their_defaults(bundle: Path, runs: list[Path]) -> None:
    newer: list[float] = []
    edit(bundle, lambda content: newer.append(content["training"]["config"].pop("final_penalty")))
    assert newer == [1]
    assert cli.seeds([str(bundle), str(runs[1])]) == 0

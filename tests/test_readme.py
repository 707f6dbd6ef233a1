"""The README tells the truth: its table of models is what the manifests measured."""

import re
from pathlib import Path

import pytest

from hub.catalog import catalog_ids
from hub.cli import VERBS
from hub.contract import Metric
from hub.weights import resolve

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def measured(name: str, metric: Metric) -> str:
    """The README's line for a metric of the bundle ``name``."""
    better = "higher" if metric.higher_is_better else "lower"
    unit = f" {metric.unit}" if metric.unit else ""
    seeds = ", ".join(f"{value:.3g}" for value in metric.per_seed[1:])
    beside = [f"other seeds {seeds}"] * bool(seeds) + [
        f"{peer} {value:.3g}" for peer, value in metric.baselines.items()
    ]
    return f"| `{name}` | {metric.name}, {better} is better | **{metric.value:.3g}**{unit} | {'; '.join(beside)} |"


@pytest.mark.parametrize("name", catalog_ids())
def test_the_tables_of_models_have_the_manifest_s_numbers(name: str) -> None:
    metrics = [metric for metric in resolve(name).bundle.metrics if not metric.subject]  # by class: for the card
    for metric in metrics:
        assert measured(name, metric) in README
    known = {f"{value:.3g}" for metric in metrics for value in (metric.value, *metric.baselines.values())}
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` | ["))
    for number in re.findall(r"\*\*([0-9.]+)\*\*", row):
        assert number in known, f"{number} is nobody's"


def test_every_command_of_the_readme_exists() -> None:
    assert set(re.findall(r"\bgenhub ([a-z]+)", README)) <= VERBS.keys()


def test_every_file_of_the_readme_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target

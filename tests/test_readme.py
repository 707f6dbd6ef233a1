"""The README tells the truth: its table of models is what the manifests measured."""

import re
from pathlib import Path

import pytest

from hub.catalog import catalog_ids
from hub.cli import VERBS
from hub.contract import Bundle, Metric
from hub.weights import resolve

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def measured(name: str, metric: Metric) -> str:
    """The README's line for a metric of the bundle ``name``."""
    better = "higher" if metric.higher_is_better else "lower"
    unit = f" {metric.unit}" if metric.unit else ""
    back = ", back" if metric.subject == "inverse" else ""
    seeds = ", ".join(f"{value:.3g}" for value in metric.per_seed[1:])
    beside = [f"other seeds {seeds}"] if seeds else []
    beside += [f"{peer} {value:.3g}" for peer, value in metric.baselines.items()]
    return (
        f"| `{name}` | {metric.name}{back}, {better} is better | **{metric.value:.3g}**{unit} | {'; '.join(beside)} |"
    )


def in_the_readme(bundle: Bundle) -> list[Metric]:
    """Its metrics but for those of single classes and of other temperatures than 1, which are on the card."""
    return [metric for metric in bundle.metrics if metric.subject in ("", "inverse")]


@pytest.mark.parametrize("name", catalog_ids())
def test_the_tables_of_models_have_the_manifest_s_numbers(name: str) -> None:
    short, *lines = [line for line in README.splitlines() if line.startswith(f"| `{name}` |")]
    bundles = {each: resolve(each).bundle for each in catalog_ids()}
    assert lines == [measured(name, metric) for metric in in_the_readme(bundles[name])]
    said = short.split(" | ")[3]
    known = {
        f"{number:.3g}"
        for each in {name, *re.findall(r"`([a-z0-9-]+)`", said)}
        for metric in bundles[each].metrics
        if metric.subject in ("", "inverse") or metric.temperature
        for number in (metric.value, *metric.per_seed, *metric.baselines.values())
    }
    assert re.search(r"\*\*[0-9.]+\*\*", said)
    for number in re.findall(r"\d+\.\d+", re.sub(r"temperature [0-9.]+", "", said)):
        assert number in known, f"{number} is nobody's"


def test_every_command_of_the_readme_exists() -> None:
    assert set(re.findall(r"\bgenhub ([a-z]+)", README)) <= VERBS.keys()


def test_every_file_of_the_readme_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target

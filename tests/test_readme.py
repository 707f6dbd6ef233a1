"""The README tells the truth: its table of models is what the manifests measured."""

import re
from pathlib import Path

import pytest

from hub.catalog import catalog_ids
from hub.cli import VERBS
from hub.weights import resolve

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", catalog_ids())
def test_the_table_of_models_has_the_manifest_s_numbers(name: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    for metric in resolve(name).bundle.metrics:
        if metric.baselines and not metric.subject:  # class by class is for the card
            for value in (metric.value, *metric.baselines.values()):
                assert f"{value:.3g}" in row, f"{metric.name} {value:.3g} is not in the row of {name}"


def test_every_command_of_the_readme_exists() -> None:
    assert set(re.findall(r"\bgenhub ([a-z]+)", README)) <= VERBS.keys()


def test_every_file_of_the_readme_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target

"""The card: what the Hub reads of it, and what a person can copy from it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard

from export.bundle import Written
from export.card import HUB_CALLS, PIPELINE_TAGS, PREVIEW, TASK_TITLES, card, identifier, what_it_is
from hub.contract import TASKS
from tests.export.stand_ins import trained


@pytest.fixture(scope="module")
def loaded(written: Written) -> ModelCard:
    return ModelCard.load(written.folder / "README.md")


def test_the_hub_reads_its_header(loaded: ModelCard) -> None:
    data: Any = loaded.data
    assert (data.library_name, data.pipeline_tag, data.license) == ("onnx", "unconditional-image-generation", "mit")
    assert data.datasets == ["boxes"] and "generative-hub" in data.tags
    (result,) = data.eval_results
    assert (result.metric_name, result.metric_value, result.dataset_split) == ("Reconstruction PSNR", 21.5, "test")


def test_its_header_is_plain_yaml(written: Written) -> None:
    text = (written.folder / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(text.split("---")[1])
    assert header["model-index"][0]["name"] == written.bundle.id


def test_every_picture_and_file_it_names_is_in_the_bundle(loaded: ModelCard, written: Written) -> None:
    listed = {file.path for file in written.bundle.all_files()}
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", loaded.text)
    assert pictures == ["preview.png", "neighbours.png"] and set(pictures) <= listed
    assert set(re.findall(r"`(onnx/[^`]+)`", loaded.text)) == {name for name in listed if name.startswith("onnx/")}


def test_baselines_stand_beside_the_number(loaded: ModelCard) -> None:
    row = next(line for line in loaded.text.splitlines() if line.startswith("| Reconstruction PSNR"))
    assert "**21.5 dB**" in row and "PCA-32: 19.25 dB" in row


def test_the_snippet_without_us_runs_as_it_stands(loaded: ModelCard, written: Written, tmp_path: Path) -> None:
    shutil.copytree(written.folder, tmp_path / "bundle")
    snippets = re.findall(r"```python\n(.*?)```", loaded.text, re.DOTALL)
    plain = next(snippet for snippet in snippets if "onnxruntime" in snippet)
    done = subprocess.run(
        [sys.executable, "-c", plain],
        cwd=tmp_path / "bundle",
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(16, 16, 16, 1) uint8"


def test_the_snippet_with_us_names_this_bundle(loaded: ModelCard, written: Written) -> None:
    assert f'open_model("{written.bundle.id}")' in loaded.text


def test_it_names_no_folder_of_this_machine(loaded: ModelCard) -> None:
    assert str(Path(__file__).resolve().parents[2]) not in loaded.text


def test_how_a_run_went_on_is_said(loaded: ModelCard, written: Written) -> None:
    note = "Resumed at step 30 with --max-steps 30 -> 60."
    training = dict(written.bundle.training) | {"notes": [note]}
    told = card(written.bundle.model_copy(update={"training": training}), trained(labelled=True), {PREVIEW: "Pictures"})
    assert note not in loaded.text and f"\n\n{note}" in told.text


def test_every_task_has_its_words() -> None:
    for table in (PIPELINE_TAGS, TASK_TITLES, HUB_CALLS):
        assert set(table) == set(TASKS)


def test_what_a_family_is_comes_from_its_docstring() -> None:
    assert what_it_is("First line.\n\nWhat: a net\nthat paints.\n\n    genhub train") == "A net that paints."
    assert what_it_is("Only a line.") == "Only a line."


def test_every_number_has_an_identifier_that_search_finds() -> None:
    assert identifier("Fréchet distance of samples") == "frechet_distance_of_samples"
    assert identifier("PSNR, noise of 25/255") == "psnr_noise_of_25_255"

"""What is read off a run: the line that trains its model again, and what a translator turns into what."""

import json
from pathlib import Path

import pytest

from export.run import read_run
from tests.training.commands import TINY
from training.checkpoint import latest_checkpoint
from training.cli import train


def test_the_line_is_the_one_of_when_the_run_began_whatever_the_presets_say_now(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(["gan", "--preset", "smoke", "--data", str(TINY), "--max-steps", "1", "--out", str(run)]) == 0
    assert read_run(run).command == "genhub train gan --preset smoke --data FOLDER --max-steps 1"
    written = latest_checkpoint(run) / "config.json"
    kept = json.loads(written.read_text())
    for remembered, told in (("genhub train gan --with then", "genhub train gan --with then"), ("", kept["command"])):
        written.write_text(json.dumps(kept | {"command": remembered}))
        assert read_run(run).command == told, "runs older than the field have the line of now"


@pytest.mark.parametrize(("direction", "sides"), [("AtoB", ("outline", "colour")), ("BtoA", ("colour", "outline"))])
def test_a_translator_goes_from_what_its_data_calls_its_sources(
    direction: str, sides: tuple[str, str], tmp_path: Path
) -> None:
    pairs = str(TINY.with_name("openmoji_tiny.parquet"))
    run = ["pix2pix", "--preset", "smoke", "--data", pairs, "--max-steps", "1", "--direction", direction]
    assert train([*run, "--out", str(tmp_path / "run")]) == 0
    assert read_run(tmp_path / "run").sides == sides

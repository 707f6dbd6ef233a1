"""What is read off a run: the line that trains its model again, and what a translator turns into what."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from export.run import command, read_run
from tests.training.commands import TINY
from training.checkpoint import RunInfo
from training.cli import train
from training.families import cgan


def info_of(config: cgan.Config) -> RunInfo:
    return RunInfo(
        family="cgan",
        task="sample",
        config=json.loads(json.dumps(asdict(config))),
        data={},
        data_spec="fashion",
        seed=0,
        created="",
        versions={},
        git_commit=None,
    )


def test_only_what_differs_from_the_preset_is_a_flag_and_a_list_is_its_words() -> None:
    preset = cgan.PRESETS["cpu"]
    assert command(info_of(preset), cgan) == "genhub train cgan --preset cpu --data fashion"
    config = replace(preset, width=32, augment=("translation", "cutout"))
    again = command(info_of(config), cgan)
    assert again.endswith("--data fashion --width 32 --augment translation cutout")


@pytest.mark.parametrize(("direction", "sides"), [("AtoB", ("outline", "colour")), ("BtoA", ("colour", "outline"))])
def test_a_translator_goes_from_what_its_data_calls_its_sources(
    direction: str, sides: tuple[str, str], tmp_path: Path
) -> None:
    pairs = str(TINY.with_name("openmoji_tiny.parquet"))
    run = ["pix2pix", "--preset", "smoke", "--data", pairs, "--max-steps", "1", "--direction", direction]
    assert train([*run, "--out", str(tmp_path / "run")]) == 0
    assert read_run(tmp_path / "run").sides == sides

"""The line that trains a run again."""

import json
from dataclasses import asdict, replace

from training.checkpoint import RunInfo
from training.command import command
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
    assert command(info_of(preset)) == "genhub train cgan --preset cpu --data fashion"
    config = replace(preset, width=32, augment=("translation", "cutout"))
    again = command(info_of(config))
    assert again.endswith("--data fashion --width 32 --augment translation cutout")

"""The line on the card that trains a model again."""

import json
from dataclasses import asdict, replace

from export.run import command
from training.checkpoint import RunInfo
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
    assert command(info_of(preset), cgan) == "genhub train cgan --preset cpu --data fashion"  # type: ignore[arg-type]
    config = replace(preset, width=32, augment=("translation", "cutout"))  # type: ignore[call-arg]
    again = command(info_of(config), cgan)  # type: ignore[arg-type]
    assert again.endswith("--data fashion --width 32 --augment translation cutout")

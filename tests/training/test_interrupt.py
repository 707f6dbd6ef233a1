"""Ctrl-C, and two processes in one folder: real processes, real signals."""

import shlex
import signal
from pathlib import Path

from training.checkpoint import checkpoints, read_run_info

from .commands import TINY, start, wait_until

ENDLESS: list[str | Path] = [
    "train",
    "vae",
    "--preset",
    "smoke",
    "--data",
    TINY,
    "--max-steps",
    "1000000",
    "--checkpoint-minutes",
    "0.01",
]


def test_second_process_is_refused_and_ctrl_c_saves_and_names_the_command_that_resumes(tmp_path: Path) -> None:
    run = tmp_path / "a run"  # the space proves the quoting
    first = start(*ENDLESS, "--out", run)
    wait_until(lambda: bool(checkpoints(run)), first)

    code, _, errors = start("train", "vae", "--resume", run).finish()
    assert code == 2
    assert errors.count("\n") == 1 and f"(id {first.pid}) is training into" in errors

    first.send_signal(signal.SIGINT)
    code, _, errors = first.finish()
    assert code == 1 and "Traceback" not in errors
    stopped = read_run_info(checkpoints(run)[-1]).step
    assert f"Stopped at step {stopped}." in errors

    program, *command = shlex.split(errors.split("Go on with: ")[1])
    assert program == "genhub"
    code, output, errors = start(*command, "--max-steps", str(stopped + 3)).finish()
    assert code == 0, errors
    assert f"Finished at step {stopped + 3}" in output

"""A disk that fills up while a run saves itself: the kernel's own limit on file sizes stands in for it."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

from training.checkpoint import checkpoints, latest_checkpoint, load_run

from .commands import REPOSITORY

LIMIT = 150_000
"""Bytes: more than a log, an event file or a sample grid of the smoke preset takes, less than its checkpoint."""


def test_the_earlier_checkpoint_stays_the_latest_and_the_run_says_why_it_ended(smoke_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(smoke_run, tmp_path / "run"))
    before = latest_checkpoint(run)
    assert (before / "state.safetensors").stat().st_size > LIMIT
    done = subprocess.run(
        [sys.executable, "-m", "hub.cli", "train", "vae", "--resume", str(run), "--max-steps", "35"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT)),
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "The disk is full" in done.stderr and "step-00000035" in done.stderr
    assert checkpoints(run) == [before]
    assert [path.name for path in (run / "checkpoints").iterdir()] == [before.name]  # no half of a new one either
    assert load_run(run).preview().shape == (64, 1, 32, 32)

    # With space again, the run goes on from there.
    from training import cli

    assert cli.train(["vae", "--resume", str(run), "--max-steps", "35"]) == 0
    assert latest_checkpoint(run).name == "step-00000035"

"""The training loop that every family shares.

It feeds batches, keeps to the budget, advances schedules, logs, draws sample grids, checkpoints, resumes, and evaluates
at the end. It knows no losses, no optimizers and no nets: those are the family's.
"""

import random
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import broadcast, gather_object  # type: ignore[import-untyped]
from torch import Tensor

from training.atomic import write_json
from training.checkpoint import (
    RunInfo,
    checkpoints,
    latest_checkpoint,
    random_state,
    restore_checkpoint,
    save_checkpoint,
    set_random_state,
)
from training.data.dataset import ImageData, Split
from training.data.order import ShuffledOrder
from training.errors import TrainingError
from training.family import load_family
from training.journal import Journal, finite
from training.measure import measure
from training.precision import new_accelerator, use_allowed_threads
from training.schedule import BudgetSchedule
from training.start import begin, read_beginning

ANOTHER_SEED = 0x5EED
"""Added to the seed for the order of unpaired sources."""


def train(info: RunInfo, data: ImageData, run: Path, resume: bool) -> bool:
    """Train `info.family` into the folder `run` until the budget is spent or the user interrupts.

    resume: go on from the run's latest checkpoint. Returns whether the run is finished (trained and evaluated).
    Raises TrainingError. The caller holds the run's lock.
    """
    use_allowed_threads()
    torch.set_float32_matmul_precision("high")
    accelerator = new_accelerator()
    loop = _Run(info, data, run, resume, accelerator)
    if accelerator.is_main_process:
        # Metrics of a finished run that now goes on are not its own any more, and would make it look finished.
        (run / "metrics.json").unlink(missing_ok=True)
        # Not before everything was built: a refused setting must not leave a folder that looks like a run.
        write_json(run / "config.json", asdict(info))
    return loop.until_done()


def resume_command(info: RunInfo, run: Path) -> str:
    """What to type to go on."""
    return f"genhub train {info.family} --resume {shlex.quote(str(run))}"


class _Run:
    """One run in one process: the state of the loop, and the loop."""

    def __init__(self, info: RunInfo, data: ImageData, run: Path, resume: bool, accelerator: Accelerator) -> None:
        self.info, self.data, self.run, self.accelerator = info, data, run, accelerator
        self.config = info.family_config()
        if self.config.max_steps is None and self.config.max_minutes is None:
            raise TrainingError("A run needs a budget: give --max-steps, --max-minutes, or both.")
        if len(data.train) == 0:
            raise TrainingError(f"The data set {data.info.name} has no training images.")
        _seed_everything(info.seed)
        self.trainer = load_family(info.family).Trainer(self.config, data, accelerator)
        if self.config.start is not None and not resume:
            begin(self.trainer, read_beginning(Path(self.config.start), info.family))
        if accelerator.process_index:  # The same weights everywhere, but noise of its own in each process.
            _seed_everything((info.seed + accelerator.process_index) % (1 << 32))
        self.feed = Feed(data.train, info.seed, accelerator)
        self.step = 0
        self.elapsed_before = 0.0
        if resume:
            self._restore(latest_checkpoint(run))
        self.main = accelerator.is_main_process
        self.journal = Journal(run, self.step) if self.main else None
        self.began = self.last_checkpoint = self.last_samples = time.monotonic()

    def until_done(self) -> bool:
        modules = self.trainer.modules()
        schedules = {name: module for name, module in modules.items() if isinstance(module, BudgetSchedule)}
        fraction, interrupted = self._agree(self._fraction(), False)
        try:
            with _interruptions() as interruption:
                while fraction < 1 and not interrupted:
                    for schedule in schedules.values():
                        schedule.advance(self.step, fraction)
                    batch = self.feed.next(self.config.batch_size)
                    losses = self.trainer.step(batch)
                    self.step += 1
                    fraction, interrupted = self._agree(self._fraction(), interruption.requested)
                    ending = fraction >= 1 or interrupted
                    samples_due, checkpoint_due = self._due(ending)
                    if self.journal:
                        self.journal.add(losses, len(batch["image"]) * self.accelerator.num_processes)
                        if self.journal.due() or checkpoint_due:  # no checkpoint of weights that are no numbers
                            rates = {
                                f"lr_{name}": schedule.optimizer.param_groups[0]["lr"]
                                for name, schedule in schedules.items()
                            }
                            self._check(self.journal.write(self.step, fraction, self._elapsed() / 60, rates))
                    if samples_due:
                        self._save_grid()
                    if checkpoint_due:
                        self._save()
        finally:
            if self.journal:
                self.journal.close()
        if interrupted:
            if self.main:
                print(
                    f"Stopped at step {self.step}. Go on with: {resume_command(self.info, self.run)}",
                    file=sys.stderr,
                    flush=True,
                )
            return False
        self._evaluate()
        return True

    def _fraction(self) -> float:
        """Share of the budget that is spent: of steps or of time, whichever is further."""
        by_steps = self.step / self.config.max_steps if self.config.max_steps is not None else 0.0
        by_time = self._elapsed() / (60 * self.config.max_minutes) if self.config.max_minutes is not None else 0.0
        return min(max(by_steps, by_time), 1.0)

    def _elapsed(self) -> float:
        """Seconds of training, all resumed parts together."""
        return self.elapsed_before + (time.monotonic() - self.began if hasattr(self, "began") else 0.0)

    def _agree(self, fraction: float, interrupted: bool) -> tuple[float, bool]:
        """The main process's view: clocks differ between processes, and they must stop at the same step."""
        if self.accelerator.num_processes == 1:
            return fraction, interrupted
        view: Any = broadcast(
            torch.tensor([fraction, float(interrupted)], dtype=torch.float64, device=self.accelerator.device)
        )
        return float(view[0]), bool(view[1])

    def _check(self, means: dict[str, float]) -> None:
        if not finite(means):
            raise self._diverged("losses")

    def _check_weights(self) -> None:
        """Refuse to save what a last step has broken: its own loss was still a number."""
        modules = [module for module in self.trainer.modules().values() if isinstance(module, torch.nn.Module)]
        tensors = [tensor for module in modules for tensor in module.state_dict().values()]
        if not all(tensor.isfinite().all() for tensor in tensors):
            raise self._diverged("weights")

    def _diverged(self, what: str) -> TrainingError:
        kept = checkpoints(self.run)
        way_out = f"the last good state is {kept[-1]}" if kept else "nothing was saved yet"
        return TrainingError(
            f"The {what} stopped being numbers at step {self.step}; {way_out}; a lower learning rate may help."
        )

    def _due(self, ending: bool) -> tuple[bool, bool]:
        """Whether a sample grid and a checkpoint are due; both are at the end."""
        now = time.monotonic()
        # Every process must take the same turn here (gathering random states waits for all), so the main one decides.
        due = [
            now - self.last_samples >= 60 * self.config.sample_minutes,
            now - self.last_checkpoint >= 60 * self.config.checkpoint_minutes,
        ]
        if self.accelerator.num_processes > 1:
            shared: Any = broadcast(torch.tensor(due, dtype=torch.float32, device=self.accelerator.device))
            due = [bool(flag) for flag in shared]
        return due[0] or ending, due[1] or ending

    def _save_grid(self) -> None:
        if self.journal:
            with _untouched_randomness():
                self.journal.save_grid(self.trainer.preview(), self.step)
        self.last_samples = time.monotonic()

    def _save(self) -> None:
        self._check_weights()
        states = gather_object([random_state()]) if self.accelerator.num_processes > 1 else [random_state()]
        if self.main:
            elapsed = self._elapsed()
            info = replace(self.info, step=self.step, images_seen=self.feed.order.position, elapsed_seconds=elapsed)
            loop_state = {
                "step": self.step,
                "elapsed": elapsed,
                "order": self.feed.order.state_dict(),
                "random": states,
            }
            save_checkpoint(self.run, info, self.trainer.modules(), loop_state)
        self.last_checkpoint = time.monotonic()

    def _restore(self, checkpoint: Path) -> None:
        state = restore_checkpoint(checkpoint, self.trainer.modules())
        before, now = len(state["random"]), self.accelerator.num_processes
        if before != now:
            raise TrainingError(f"This run was on {before} processes and cannot go on with {now}.")
        self.step, self.elapsed_before = state["step"], state["elapsed"]
        self.feed.order.load_state_dict(state["order"])
        set_random_state(state["random"][self.accelerator.process_index])

    def _evaluate(self) -> None:
        """Final metrics on val and on test."""
        if not self.main:
            return
        info = replace(self.info, step=self.step, elapsed_seconds=self._elapsed())
        with _untouched_randomness():
            print(f"Finished at {measure(self.trainer, info, self.run)}", flush=True)


class Feed:
    """Batches of the training split, on the device."""

    def __init__(self, split: Split, seed: int, accelerator: Accelerator) -> None:
        self.images, self.labels = torch.from_numpy(split.images), torch.from_numpy(split.labels)
        self.sources = None if split.sources is None else torch.from_numpy(split.sources)
        if accelerator.device.type == "cuda":
            # A whole data set of uint8 is small beside a GPU's memory, and gathering there needs no loader processes.
            self.images, self.labels = self.images.to(accelerator.device), self.labels.to(accelerator.device)
            self.sources = None if self.sources is None else self.sources.to(accelerator.device)
        self.device = accelerator.device
        self.order = ShuffledOrder(len(split), seed, accelerator.process_index, accelerator.num_processes)
        # Pictures that belong to none of the others come in an order of their own, whose position follows from `order`.
        self.source_order = None if split.aligned or split.sources is None else self._another_order(len(split.sources))

    def _another_order(self, count: int) -> ShuffledOrder:
        order = self.order
        return ShuffledOrder(count, order.seed + ANOTHER_SEED, order.process, order.processes)

    def next(self, batch_size: int) -> dict[str, Tensor]:
        """`image` and, where there are, `source`: float [N, C, H, W] in [-1, 1], channels last; `label`: int64 [N]."""
        position = self.order.position
        chosen = torch.from_numpy(self.order.next(batch_size)).to(self.images.device)
        batch = {"image": self._pixels(self.images[chosen]), "label": self.labels[chosen].to(self.device)}
        if self.sources is not None:
            if self.source_order is not None:
                self.source_order.position = position
                chosen = torch.from_numpy(self.source_order.next(batch_size)).to(self.images.device)
            batch["source"] = self._pixels(self.sources[chosen])
        return batch

    def _pixels(self, pixels: Tensor) -> Tensor:
        planes = pixels.to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return planes.contiguous(memory_format=torch.channels_last)


class _Interruption:
    requested = False


@contextmanager
def _interruptions() -> Iterator[_Interruption]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop after the step; a second one stops at once."""
    interruption = _Interruption()

    def request(number: int, frame: FrameType | None) -> None:
        interruption.requested = True
        signal.signal(number, previous[number])

    previous: dict[int, Any] = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _untouched_randomness() -> Iterator[None]:
    """Looking at a model must not change how it trains on."""
    state = random_state()
    try:
        yield
    finally:
        set_random_state(state)


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)

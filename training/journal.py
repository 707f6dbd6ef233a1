"""What a run tells while it trains: a progress bar, `log.csv`, TensorBoard, and sample grids to look at."""

import csv
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from training.atomic import atomic_path
from training.pixels import to_uint8

LOG_SECONDS = 2.0
PRINT_SECONDS = 30.0
"""Where there is no terminal for a bar, a line this often."""


class Journal:
    """Collects losses on the device and writes their means every LOG_SECONDS: no synchronisation at every step."""

    def __init__(self, run: Path, start_step: int) -> None:
        """Rows after `start_step` are dropped: a run resumed from there will write them again."""
        self.run = run
        self._path = run / "log.csv"
        self._columns: list[str] = []
        self._drop_rows_after(start_step)
        self._tensorboard = SummaryWriter(str(run / "tensorboard"), purge_step=start_step + 1)
        self._bar = tqdm(
            total=100,
            unit="%",
            disable=not sys.stderr.isatty(),
            bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}",
        )
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._images = 0
        self._last_log = self._last_print = time.monotonic()

    def add(self, losses: dict[str, Tensor], images: int) -> None:
        """Note the losses of one step over `images` images."""
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss.detach() if name in self._sums else loss.detach().clone()
            self._counts[name] = self._counts.get(name, 0) + 1
        self._images += images

    def due(self) -> bool:
        return time.monotonic() - self._last_log >= LOG_SECONDS

    def write(self, step: int, fraction: float, minutes: float, rates: dict[str, float]) -> dict[str, float]:
        """Write the means since the last call; returns them. `rates`: learning rates by schedule."""
        now = time.monotonic()
        speed = self._images / max(now - self._last_log, 1e-9)
        means = {name: float(total) / self._counts[name] for name, total in self._sums.items()}
        row = {"step": step, "minutes": round(minutes, 4), "images_per_second": round(speed, 1), **rates, **means}
        self._append(row)
        for name, value in row.items():
            if name != "step":
                self._tensorboard.add_scalar(name, value, step)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
        self._bar.set_postfix_str(f"step {step}, {shown}, {speed:.0f} images/s", refresh=False)
        self._bar.update(100 * fraction - self._bar.n)
        if self._bar.disable and now - self._last_print >= PRINT_SECONDS:
            print(f"{100 * fraction:5.1f} %  step {step}, {shown}, {speed:.0f} images/s", file=sys.stderr, flush=True)
            self._last_print = now
        self._sums, self._counts, self._images, self._last_log = {}, {}, 0, now
        return means

    def save_grid(self, images: Tensor, step: int) -> Path:
        """Write float [N, C, H, W] in [-1, 1] as `samples/step-N.png`, eight to a row."""
        path = self.run / "samples" / f"step-{step:08d}.png"
        with atomic_path(path) as temporary:
            Image.fromarray(grid(to_uint8(images), columns=8)).save(temporary, "PNG")
        return path

    def close(self) -> None:
        self._bar.close()
        self._tensorboard.close()

    def _append(self, row: dict[str, float]) -> None:
        """Append a row; a loss that appears later (another phase of the training) widens the table."""
        new_columns = [name for name in row if name not in self._columns]
        if new_columns:
            rows = self._read()
            self._columns += new_columns
            self._rewrite(rows)
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow({name: row.get(name, "") for name in self._columns})

    def _drop_rows_after(self, step: int) -> None:
        rows = [row for row in self._read() if int(row["step"] or 0) <= step]
        self._columns = list(rows[0]) if rows else []
        self._rewrite(rows)

    def _read(self) -> list[dict[str, str]]:
        if not self._path.exists():
            return []
        with self._path.open(newline="", encoding="utf-8") as file:
            # A killed process may leave half a last line: a row with a missing number is not a row.
            return [
                row for row in csv.DictReader(file) if (row.get("step") or "").isdigit() and None not in row.values()
            ]

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        with atomic_path(self._path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, restval="")
            if self._columns:
                writer.writeheader()
            writer.writerows(rows)


def grid(images: NDArray[np.uint8], columns: int, gap: int = 2) -> NDArray[np.uint8]:
    """Lay out uint8 [N, H, W, C] in rows of `columns`, on black: uint8 [H', W'] or [H', W', 3]."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    canvas = np.zeros((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), np.uint8)
    for index, image in enumerate(images):
        top, left = (
            part * (size + gap) + gap for part, size in zip(divmod(index, columns), (height, width), strict=True)
        )
        canvas[top : top + height, left : left + width] = image
    return canvas[:, :, 0] if channels == 1 else canvas


def finite(means: dict[str, float]) -> bool:
    """Whether every logged loss is a number."""
    return bool(torch.isfinite(torch.tensor(list(means.values()))).all())

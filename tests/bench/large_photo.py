"""What a large photograph costs to restore, beside the same network over the whole picture at once.

    python -m tests.bench.large_photo [--model restore-photo] [--megapixels 1 4 12]

`genhub run` restores one enlarged example of the bundle in tiles, and once more in one piece (GENHUB_TILE above its
size). Memory is the most that was resident in the process; seconds hold the start of the program, and compare only with
those beside them. The pictures should be the same: what differs would be the seams.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from hub.weights import resolve


def measure(model: str, source: Path, result: Path, **environment: str) -> dict[str, float]:
    """Seconds and peak megabytes of `genhub run`."""
    command = [sys.executable, "-m", "hub.cli", "run", model, "--image", str(source), "--out", str(result)]
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"genhub run ended with {os.waitstatus_to_exitcode(status)} for {source.name}.")
    return {"seconds": round(seconds, 1), "peak MB": round(used.ru_maxrss / 1024)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="restore-photo")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 12])
    asked = parser.parse_args()
    example = Image.open(next(iter(sorted((resolve(asked.model).folder / "examples").iterdir()))))
    table = {}
    with tempfile.TemporaryDirectory() as temporary:
        source, tiled, whole = (Path(temporary) / f"{name}.png" for name in ("source", "tiled", "whole"))
        for megapixels in asked.megapixels:
            height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
            example.resize((round(height * 4 / 3), height), Image.Resampling.BICUBIC).save(source, compress_level=1)
            in_tiles = measure(asked.model, source, tiled)
            at_once = measure(asked.model, source, whole, GENHUB_TILE="16384")
            apart = np.abs(np.asarray(Image.open(tiled), np.int16) - np.asarray(Image.open(whole), np.int16))
            table[f"{megapixels:g} megapixels"] = {
                "in tiles": in_tiles,
                "at once": at_once,
                "memory, ratio": round(in_tiles["peak MB"] / at_once["peak MB"], 3),
                "furthest apart, grey levels": int(apart.max()),
            }
    print(json.dumps({"model": asked.model, "table": table}, indent=2))


if __name__ == "__main__":
    main()

"""``genhub export RUN --to BUNDLE``: a training run in, a verified bundle out."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from export.errors import ExportError
from hub.errors import HubError


def export(argv: list[str]) -> int:
    """``genhub export ...``; returns the exit status: 0 written, 2 for what the user can put right, 130 interrupted."""
    try:
        tyro.cli(_export, prog="genhub export", args=argv)
    except HubError as error:
        print(f"genhub export: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except SystemExit as leave:  # tyro, after --help or a mistyped flag
        return leave.code if isinstance(leave.code, int) else 2
    return 0


def _export(
    run: Annotated[Path, tyro.conf.Positional],
    to: Path,
    id: str | None = None,
    title: str | None = None,
    description: str | None = None,
    licence: str | None = None,
    baselines: Path | None = None,
    variants: tuple[Literal["fp32", "fp16", "int8"], ...] = ("fp32", "fp16", "int8"),
    threads: int = 2,
) -> None:
    """Turn a training run into a verified ONNX bundle.

    Each variant is run against PyTorch on real images and shipped only if it passes its gate; fp32 always has to.

    Args:
        run: Folder of the run, or of one of its checkpoints.
        to: Folder to write; a bundle that is there is replaced once the new one is complete.
        id: The bundle's id, lower case. Default: family and data, as in vae-fashion.
        title: Default: family and data.
        description: A sentence for the card and the tab.
        licence: SPDX identifier of the weights' licence. Default: the training data's.
        baselines: JSON of numbers to stand beside the run's own. Default: RUN/baselines.json, where there is one.
        variants: Which precisions to try; fp32 is always made.
        threads: CPU threads for PyTorch.
    """
    import torch  # here, so that --help does not wait for it

    from export.bundle import EMBEDDED_LIMIT, Names, write_bundle
    from export.run import read_run

    if threads < 1:
        raise ExportError(f"--threads must be at least 1, not {threads}.")
    torch.set_num_threads(threads)
    logging.getLogger("genhub").setLevel(logging.ERROR)  # what was left out is printed below, once
    trained = read_run(run, baselines)
    written = write_bundle(trained, to, Names(id, title, description, licence), variants)
    bundle = written.bundle
    for name, variant in bundle.variants.items():
        size = sum(file.bytes for file in variant.files.values()) / 1e6
        times = ", ".join(f"{graph} {ms:.2f} ms" for graph, ms in variant.latency_ms.items())
        print(f"{name}: {size:.2f} MB; {times}")
    for sentence in written.refused:
        print(sentence)
    print(f"{bundle.id}: {written.bytes / 1e6:.2f} MB in {written.folder}")
    if written.bytes > EMBEDDED_LIMIT:
        print(f"Over {EMBEDDED_LIMIT / 1e6:.0f} MB: publish it rather than ship it inside the package.")

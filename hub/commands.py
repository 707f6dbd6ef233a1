"""The commands that need no torch: ``serve``, ``models``, ``pull``, ``bench``. Flags are typed functions."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import tyro

from hub import logs
from hub.contract import VariantName
from hub.errors import BundleError, SourceError
from hub.runtime.engine import Engine, Model

Name = tyro.conf.Positional[str]


def serve(argv: list[str]) -> int:
    """Run ``genhub serve``."""
    return _run(_serve, argv)


def models(argv: list[str]) -> int:
    """Run ``genhub models``."""
    return _run(_models, argv)


def pull(argv: list[str]) -> int:
    """Run ``genhub pull``."""
    return _run(_pull, argv)


def bench(argv: list[str]) -> int:
    """Run ``genhub bench``."""
    return _run(_bench, argv)


def _run(command: Callable[..., int], argv: list[str]) -> int:
    program = f"genhub {command.__name__.strip('_')}"
    return tyro.cli(command, args=argv, prog=program, config=(tyro.conf.FlagCreatePairsOff,))


def _serve(host: str = "127.0.0.1", port: int = 7860, models: str = "") -> int:
    """Serve the hub in a browser.

    Args:
        host: address to listen on; 0.0.0.0 lets other machines in.
        port: port to listen on.
        models: ids, bundle folders or Hub repositories (owner/name[@revision]), separated by commas; the whole
            catalog unless given.
    """
    from hub.server import run_server  # only here: the other commands have no use for a web server

    return run_server(host, port, _names(models))


def _models(models: str = "", as_json: Annotated[bool, tyro.conf.arg(name="json")] = False) -> int:
    """List the models, with the variant and the provider that this machine runs them on, and why; where each comes
    from, and of one that cannot be had, what is wrong with it (then the exit status is 2).

    Args:
        models: ids, bundle folders or Hub repositories (owner/name[@revision]), separated by commas; the whole
            catalog unless given.
        as_json: print JSON instead of a table.
    """
    engine = Engine(_names(models))
    rows: list[dict[str, object]] = []
    trouble = dict(engine.missing)
    for name, model in engine.models.items():
        try:
            rows.append(_row(model))
        except (BundleError, SourceError) as error:  # damaged: the others are listed all the same
            trouble[name] = str(error)
    if as_json:
        print(json.dumps(rows + [{"id": name, "trouble": why} for name, why in trouble.items()], indent=2))
    else:
        shown = ["id", "task", "image", "parameters", "megabytes", "source", "variant", "provider", "reason"]
        print(table(shown, [[row[column] for column in shown] for row in rows]), end="\n\n")
        said = {str(row["id"]): row["source_reason"] for row in rows} | trouble
        print("\n".join(f"{name}: {why}" for name, why in said.items()))
    return 2 if trouble else 0


def _row(model: Model) -> dict[str, object]:
    bundle, choice = model.bundle, model.choice
    graphs = bundle.variants[choice.variant].files.values()
    return {
        "id": bundle.id,
        "task": bundle.task,
        "image": f"{bundle.image.height}x{bundle.image.width}x{bundle.image.channels}",
        "parameters": bundle.parameters,
        "megabytes": round(sum(file.bytes for file in graphs) / 1e6, 2),
        "licence": bundle.licence,
        "source": model.source,
        "source_reason": model.resolved.reason,
        **asdict(choice),
    }


def _pull(model: Name, to: Path | None = None, variant: VariantName | None = None) -> int:
    """Take a model away: one variant in a folder, with a run.py that needs only numpy, pillow and onnxruntime.

    Args:
        model: a model's id, a bundle's folder, or a Hub repository (owner/name[@revision]).
        to: the folder to write; the model's name unless given.
        variant: fp32, fp16 or int8; the model's default for CPUs unless given.
    """
    from hub.edge import pull as take

    logs.speak()
    target = to or Path(Path(model.split("@")[0]).name)
    chosen, size = take(model, variant, target)
    print(f"{target}: {model}, {chosen}, {size / 1e6:.2f} MB; python {target / 'run.py'} --help says more")
    return 0


def _bench(models: str = "", runs: int = 15) -> int:
    """Time every variant of the models on every provider of this machine; beside it, what the cards measured.

    Times are medians in milliseconds per picture; ratios are against fp32 on plain ONNX Runtime in the same run.

    Args:
        models: ids, bundle folders or Hub repositories (owner/name[@revision]), separated by commas; the whole
            catalog unless given.
        runs: how often each cell is timed; the cells take turns, so that a busy machine is busy for all.
    """
    from hub.runtime.bench import BATCHES, measure

    header = ["variant", "provider"]
    header += [f"{what} (batch {batch})" for batch in BATCHES for what in ("ms", "times as fast")]
    for model in Engine(_names(models)).models.values():
        cells = measure(model.resolved, runs)
        plain = {}
        for cell in cells:
            if (cell.variant, cell.provider) == ("fp32", "cpu"):
                plain = cell.milliseconds
        rows = []
        for cell in cells:
            row = [cell.variant, cell.provider, cell.refused]
            if times := cell.milliseconds:
                ratio = {at: f"{plain[at] / times[at]:.2f}" if plain else "" for at in BATCHES}
                row[2:] = [text for at in BATCHES for text in (f"{times[at]:.3f}", ratio[at])]
            rows.append(row + [""] * (len(header) - len(row)))
        print(f"{model.bundle.id}: {model.bundle.title}\n\n{table(header, rows)}\n")
        quality = [
            [metric.name, f"{metric.value:.4g}", "; ".join(f"{k} {v:.4g}" for k, v in metric.baselines.items())]
            for metric in model.bundle.metrics
        ]
        print(table(["measured at export", "value", "baselines"], quality), end="\n\n")
    return 0


def _names(models: str) -> list[str]:
    return [name.strip() for name in models.split(",") if name.strip()]


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """``rows`` under ``header`` in columns as wide as they need to be."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])

"""`genhub train`, `genhub evaluate` and `genhub data`.

genhub data build fashion
genhub train vae --preset cpu --data fashion --out runs/vae-fashion
genhub train vae --resume runs/vae-fashion
genhub evaluate runs/vae-fashion
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from training.errors import TrainingError
from training.family import FAMILIES, Family, load_family

USAGE = f"""usage: genhub train FAMILY [--preset smoke|cpu|gpu] [--data NAME|FOLDER|hub id] [--out RUN] [--SETTING ...]
       genhub train FAMILY --resume RUN

families: {", ".join(FAMILIES)}
`genhub train FAMILY --help` lists all settings of a family."""


def train(argv: list[str]) -> int:
    """`genhub train ...`: returns the exit code; 0 done, 1 stopped by the user, 2 a mistake to put right."""
    return _plainly(_train, argv)


def evaluate(argv: list[str]) -> int:
    """`genhub evaluate ...`: returns the exit code."""
    return _plainly(_evaluate, argv)


def data(argv: list[str]) -> int:
    """`genhub data ...`: returns the exit code."""
    return _plainly(_data, argv)


def _plainly(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run a command; what the user can put right is one sentence on stderr."""
    try:
        return command(argv)
    except TrainingError as error:
        print(f"genhub: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a folder that may not be written, a file in the way of a folder
        where = f" ({error.filename})" if error.filename else ""
        print(f"genhub: The system refused: {error.strerror or error}{where}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except SystemExit as leave:  # argparse and tyro, after --help or a mistyped flag
        return leave.code if isinstance(leave.code, int) else 2


def _train(argv: list[str]) -> int:
    # The family and the preset decide which further flags there are, so they are read first.
    first = argparse.ArgumentParser(prog="genhub train", add_help=False)
    first.add_argument("family", nargs="?")
    first.add_argument("--preset", default=None)
    first.add_argument("--resume", type=Path, default=None)
    known, _ = first.parse_known_args(argv)
    if known.family is None or argv[0] != known.family:
        print(USAGE)
        return 0 if {"-h", "--help"} & set(argv) else 2
    family = load_family(known.family)
    if known.resume is not None:
        return _resume(family, known.resume, argv[1:])
    preset = known.preset or "cpu"
    if preset not in family.PRESETS:
        raise TrainingError(f"{family.NAME} has no preset {preset!r}; it has: {', '.join(family.PRESETS)}.")
    options = _parse(family, family.PRESETS[preset], preset, argv[1:])
    return _start(family, options)


@dataclass(frozen=True)
class _Options:
    preset: str
    data: str
    out: Path | None
    config: Any


def _parse(family: Family, defaults: Any, preset: str, argv: list[str]) -> _Options:
    """All flags of a family; its Config's fields stand beside the common ones, with the preset's values as defaults."""
    config_type = family.Config

    def options(
        preset: Literal[*family.PRESETS] = preset,  # type: ignore[valid-type]
        data: str = family.DATA,
        resume: Path | None = None,
        out: Path | None = None,
        config: Annotated[config_type, tyro.conf.arg(name="")] = defaults,  # type: ignore[valid-type]
    ) -> _Options:
        """Train a model.

        Args:
            preset: Settings to start from: smoke (seconds), cpu (about an hour on two cores), gpu.
            data: A data set's name, a folder of images, or the id of a Hub data set.
            resume: Go on with the run in this folder; its own settings hold.
            out: Folder of the run. Default: runs/FAMILY-DATA.
        """
        return _Options(preset, data, out, config)

    parsed: _Options = tyro.cli(options, prog=f"genhub train {family.NAME}", args=argv)
    return parsed


def _start(family: Family, options: _Options) -> int:
    from training.checkpoint import RunInfo, checkpoints, git_commit, library_versions
    from training.command import command
    from training.data.open import normal_spec, open_data
    from training.lock import run_lock
    from training.start import read_beginning

    name = Path(options.data).stem.replace("/", "-") or "data"
    run = options.out or Path("runs") / f"{family.NAME}-{name}"
    with run_lock(run):
        if checkpoints(run):  # a run that died before its first checkpoint holds nothing worth keeping
            raise TrainingError(f"{run} already holds a run; go on with `--resume {run}`, or choose another --out.")
        config = options.config
        notes = [read_beginning(Path(config.start), family.NAME).note()] if config.start is not None else []
        images = open_data(options.data, config.image_size, config.channels, pairing=config.pairing)
        info = RunInfo(
            family=family.NAME,
            task=family.TASK,
            config=asdict(config),
            data=asdict(images.info),
            data_spec=normal_spec(options.data),
            seed=config.seed,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=library_versions(),
            git_commit=git_commit(),
            notes=notes,
        )
        info = replace(info, command=command(info))
        return _run(info, images, run, resume=False)


def _resume(family: Family, run: Path, argv: list[str]) -> int:
    from training.checkpoint import changes, latest_checkpoint, read_run_info
    from training.command import command
    from training.config import CHANGEABLE
    from training.data.open import normal_spec, open_data
    from training.lock import run_lock

    info = read_run_info(run)
    if info.family != family.NAME:
        raise TrainingError(
            f"{run} is a run of {info.family}; resume it with `genhub train {info.family} --resume {run}`."
        )
    stored = info.family_config()
    options = _parse(family, stored, "cpu", argv)
    if options.out is not None or normal_spec(options.data) not in (family.DATA, info.data_spec):
        raise TrainingError("A resumed run keeps its folder and its data: leave out --out and --data.")
    changed = {name for name, value in asdict(options.config).items() if value != asdict(stored)[name]}
    if changed - CHANGEABLE:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(changed - CHANGEABLE))
        raise TrainingError(
            f"A resumed run keeps its settings, so {flags} cannot change; start a new run with another --out."
        )
    with run_lock(run):
        latest = read_run_info(latest_checkpoint(run))
        config = options.config
        info = replace(latest, config=asdict(config), notes=[*latest.notes, *changes(latest, config)])
        info = replace(info, command=command(info))
        if (run / "metrics.json").exists() and not changed:
            raise TrainingError(
                f"{run} is finished; to train it further, resume it with a larger --max-steps or --max-minutes."
            )
        images = open_data(info.data_spec, config.image_size, config.channels, pairing=config.pairing)
        if images.info.identity != info.data["identity"]:
            raise TrainingError(
                f"The data set {info.data_spec} has changed since {run} began; start a new run with another --out."
            )
        return _run(info, images, run, resume=True)


def _run(info: Any, images: Any, run: Path, resume: bool) -> int:
    from training.lock import is_first_process
    from training.loop import train as train_loop

    for note in images.info.notes if is_first_process() else ():
        print(note, file=sys.stderr)
    return 0 if train_loop(info, images, run, resume) else 1


def _evaluate(argv: list[str]) -> int:
    from training.checkpoint import read_run_info
    from training.lock import run_lock
    from training.measure import measure_again
    from training.precision import use_allowed_threads

    parser = argparse.ArgumentParser(
        prog="genhub evaluate",
        description="Measure the latest checkpoint of a run, finished or not, and keep the numbers.",
    )
    parser.add_argument("run", type=Path, help="folder of the run; its metrics.json is written anew")
    run: Path = parser.parse_args(argv).run
    read_run_info(run)  # before a lock makes the folder
    use_allowed_threads()
    with run_lock(run):
        print(f"{run}: {measure_again(run)}")
    return 0


def _data(argv: list[str]) -> int:
    from training.data.build import BUILDERS, build, parquet_path

    parser = argparse.ArgumentParser(prog="genhub data", description="Build data sets from their pinned packages.")
    commands = parser.add_subparsers(dest="command", required=True)
    build_parser = commands.add_parser("build", help="build a data set once, into one Parquet file in the cache")
    build_parser.add_argument("name", help=", ".join(sorted(BUILDERS)))
    arguments = parser.parse_args(argv)
    info, fresh = build(arguments.name)
    path = parquet_path(arguments.name)
    state = "built" if fresh else "already there"
    print(f"{info.title} {info.version} ({info.licence}) is {state}: {path}, {path.stat().st_size / 1e6:.1f} MB.")
    return 0

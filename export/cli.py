"""``genhub export``: a training run in, a verified bundle out. ``genhub seeds``: other runs' numbers beside its own.
``genhub publish``: a bundle to the Hub.
"""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import tyro

from export.errors import ExportError
from hub.catalog import CATALOG, EMBEDDED, catalog_ids
from hub.catalog import catalog as read_catalog
from hub.errors import HubError
from hub.settings import settings


def export(argv: list[str]) -> int:
    """``genhub export ...``; returns the exit status: 0 written, 2 for what the user can put right, 130 interrupted."""
    return _run(_export, "export", argv)


def seeds(argv: list[str]) -> int:
    """``genhub seeds ...``; exits as :func:`export` does."""
    return _run(_seeds, "seeds", argv)


def publish(argv: list[str]) -> int:
    """``genhub publish ...``; exits as :func:`export` does."""
    return _run(_publish, "publish", argv)


def _run(command: Callable[..., None], name: str, argv: list[str]) -> int:
    try:
        tyro.cli(command, prog=f"genhub {name}", args=argv, config=(tyro.conf.FlagCreatePairsOff,))
    except HubError as error:
        print(f"genhub {name}: {error}", file=sys.stderr)
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
    sides: tuple[str, str] | None = None,
    baselines: Path | None = None,
    variants: tuple[Literal["fp32", "fp16", "int8"], ...] = ("fp32", "fp16", "int8"),
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
        sides: For a translator, what goes in and what comes out, in words, as in --sides outline colour. Default: as
            the data set calls its pairs, where it does.
        baselines: JSON of numbers to stand beside the run's own. Default: RUN/baselines.json, where there is one.
        variants: Which precisions to try; fp32 is always made.
    """
    from export.bundle import EMBEDDED_LIMIT, Names, write_bundle  # here, so that --help does not wait for torch
    from export.run import read_run
    from training.precision import use_allowed_threads

    use_allowed_threads()
    logging.getLogger("genhub").setLevel(logging.ERROR)  # what was left out is printed below, once
    trained = read_run(run, baselines)
    written = write_bundle(trained, to, Names(id, title, description, licence, sides), variants)
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


def _seeds(bundle: tyro.conf.Positional[Path], runs: tyro.conf.Positional[tuple[Path, ...]]) -> None:
    """Put the numbers of other runs of a bundle's recipe, which began from other seeds, beside its own.

    Args:
        bundle: The bundle's folder; its manifest and its card change.
        runs: Folders of finished runs that differ from the bundle's in nothing but the seed.
    """
    from export.seeds import add_seeds

    for metric in add_seeds(bundle, runs).metrics:
        if metric.per_seed and not metric.subject:
            values = ", ".join(
                f"{seed}: {value:.4g}" for seed, value in zip(metric.seeds, metric.per_seed, strict=True)
            )
            print(f"{metric.name}, by seed: {values}")


def _publish(
    bundle: Annotated[str | None, tyro.conf.Positional] = None,
    repo: str | None = None,
    all: bool = False,
    namespace: str | None = None,
    private: bool = False,
    dry_run: bool = False,
    catalog: Path | None = None,
) -> None:
    """Publish a bundle to the Hugging Face Hub, in one commit; or every bundle of the catalog.

    The token comes from HF_TOKEN, or from `hf auth login`. Publishing the same bundle again changes nothing.

    Args:
        bundle: The bundle's folder, or the id of a model that ships with the package.
        repo: Where to, as owner/name; made where it is not there.
        all: Publish every model of the catalog that has a bundle here, to NAMESPACE/id.
        namespace: The account for --all.
        private: Make new repositories private.
        dry_run: Verify everything, say what would be sent, and send nothing.
        catalog: Pin what was published in this catalog file. With --all: the catalog in use, unless given.
    """
    from export.publish import catalog_entry, plan, write_entry
    from export.publish import publish as send

    folders = _to_publish(bundle, repo, all, namespace)
    plans = {target: plan(folder) for target, folder in folders.items()}  # all of them are right before one is sent
    if all and catalog is None:
        catalog = settings().catalog or CATALOG
    for target, planned in plans.items():
        if dry_run:
            print("\n".join([*planned.lines(), f"would go to {target}; nothing was sent", ""]))
            continue
        published = send(planned, target, private=private)
        what = "published" if published.new else "was there already"
        print(f"{target}: {what}, {published.revision}, tag {published.tag}\n")
        print(catalog_entry(planned.bundle.id, published))
        if catalog is not None:
            write_entry(catalog, planned.bundle.id, published)
            print(f"written to {catalog}\n")


def _to_publish(bundle: str | None, repo: str | None, all: bool, namespace: str | None) -> dict[str, Path]:
    """Repository -> the folder that goes there."""
    if all:
        if bundle or repo or not namespace:
            raise ExportError("--all goes with --namespace alone: genhub publish --all --namespace you.")
        return {f"{namespace}/{name}": _folder(name) for name in catalog_ids() if _has_bundle_here(name)}
    if not bundle or not repo or namespace:
        raise ExportError("Say which bundle and where to: genhub publish BUNDLE --repo you/name.")
    return {repo: _folder(bundle)}


def _has_bundle_here(name: str) -> bool:
    return read_catalog()[name].embedded or read_catalog()[name].folder is not None


def _folder(name: str) -> Path:
    if name in read_catalog():
        entry = read_catalog()[name]
        if not _has_bundle_here(name):
            raise ExportError(f"'{name}' is on the Hub alone ({entry.repo}); give the folder of a bundle.")
        return entry.folder or EMBEDDED / name
    return Path(name).expanduser()

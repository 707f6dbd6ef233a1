"""The command ``genhub``. A table of verbs; each is imported when called, so ``genhub serve`` never pays for torch."""

import importlib
import reprlib
import sys
from dataclasses import dataclass

from hub import __version__
from hub.errors import HubError


@dataclass(frozen=True)
class Verb:
    """``function`` takes the arguments after the verb and returns the exit status."""

    function: str
    summary: str
    extra: str | None = None
    """The optional dependencies it needs, as in ``pip install 'generative-hub[train]'``."""


VERBS = {
    "serve": Verb("hub.commands:serve", "serve the hub in a browser"),
    "models": Verb("hub.commands:models", "list the models, and what runs them on this machine"),
    "run": Verb("hub.making:run", "make pictures from the command line"),
    "pull": Verb("hub.commands:pull", "take a model away: a folder that runs without this package"),
    "data": Verb("training.cli:data", "build a data set from its pinned package", "train"),
    "train": Verb("training.cli:train", "train a model family on a data set or a folder of images", "train"),
    "evaluate": Verb("training.cli:evaluate", "measure a training run again", "train"),
    "export": Verb("export.cli:export", "turn a training run into a verified ONNX bundle", "export"),
    "seeds": Verb("export.cli:seeds", "put the numbers of other seeds beside a bundle's own", "export"),
    "publish": Verb("export.cli:publish", "put a bundle on the Hugging Face Hub", "export"),
    "bench": Verb("hub.commands:bench", "time the models on this machine"),
}


def main() -> None:
    """Entry point of the console script."""
    sys.exit(dispatch(sys.argv[1:]))


def dispatch(argv: list[str]) -> int:
    """Run ``genhub`` with the arguments ``argv``; returns the exit status: 0, or 2 for what the user can put right."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if argv[0] in ("-V", "--version"):
        print(f"genhub {__version__}")
        return 0
    name, *rest = argv
    if name not in VERBS:
        print(f"genhub: there is no command {reprlib.repr(name)}; there are {', '.join(VERBS)}.", file=sys.stderr)
        return 2
    verb = VERBS[name]
    module, function = verb.function.split(":")
    try:
        status: int = getattr(importlib.import_module(module), function)(rest)
    except ModuleNotFoundError as error:
        if verb.extra is None or (error.name or "").split(".")[0] in ("hub", "training", "export"):
            raise
        print(
            f"genhub {name} needs the package '{error.name}': pip install 'generative-hub[{verb.extra}]' brings it.",
            file=sys.stderr,
        )
        return 2
    except HubError as error:
        print(f"genhub {name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"genhub {name}: stopped.", file=sys.stderr)
        return 130
    return status


def _help() -> str:
    width = max(map(len, VERBS))
    lines = [f"  genhub {name:<{width}}  {verb.summary}" for name, verb in VERBS.items()]
    return "\n".join(
        [
            "Generative Hub: train, export and serve generative models.",
            "",
            *lines,
            "",
            "genhub COMMAND --help says more.",
        ]
    )


if __name__ == "__main__":
    main()

"""How a handler answers: results, or one sentence that the page shows in a corner. The server goes on either way."""

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast, get_args

import gradio as gr

from hub.errors import HubError

log = logging.getLogger("genhub")

QUIETLY: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "preprocess": False,  # what is asked for is checked where it is used, in sentences
    "concurrency_limit": 4,
}
"""How the events of the pages run; programs have endpoints of their own."""
LIVE: dict[str, Any] = {**QUIETLY, "trigger_mode": "always_last"}
"""The same for what draws: of what is asked for while it draws, the last is drawn then. Else Gradio drops all of it."""

P = ParamSpec("P")
R = TypeVar("R")


def answers(handler: Callable[P, R]) -> Callable[P, R]:
    """``handler`` with every :class:`HubError` shown to the user as it reads, and anything else logged and admitted.

    It may be a generator, whose answers come one after the other.
    """

    @functools.wraps(handler)
    def answering(*args: P.args, **kwargs: P.kwargs) -> R:
        with _told(handler.__name__):
            return handler(*args, **kwargs)

    if not inspect.isgeneratorfunction(handler):
        return answering

    @functools.wraps(handler)
    def going_on(*args: P.args, **kwargs: P.kwargs) -> Any:
        with _told(handler.__name__):
            yield from cast(Iterator[Any], handler(*args, **kwargs))

    # Gradio reads there of which types one answer is; what it should be of Iterator[answer], it does not know.
    signature = inspect.signature(handler)
    one = get_args(signature.return_annotation)
    cast(Any, going_on).__signature__ = signature.replace(return_annotation=one[0] if one else signature.empty)
    return cast(Callable[P, R], going_on)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What goes wrong in the handler ``name`` becomes what Gradio shows."""
    try:
        yield
    except HubError as error:
        raise gr.Error(str(error), title="That did not work", print_exception=False) from error
    except Exception as error:
        log.exception("%s failed", name)
        raise gr.Error("Something broke on our side; the log has it.", print_exception=False) from error

"""How a handler answers: results, or one sentence that the page shows in a corner. The server goes on either way."""

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

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

P = ParamSpec("P")
R = TypeVar("R")


def answers(handler: Callable[P, R]) -> Callable[P, R]:
    """``handler`` with every :class:`HubError` shown to the user as it reads, and anything else logged and admitted."""

    @functools.wraps(handler)
    def answering(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return handler(*args, **kwargs)
        except HubError as error:
            raise gr.Error(str(error), title="That did not work", print_exception=False) from error
        except Exception as error:
            log.exception("%s failed", handler.__name__)
            raise gr.Error("Something broke on our side; the log has it.", print_exception=False) from error

    return answering

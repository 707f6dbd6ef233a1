"""What the sections of the tab share: the engine, the chosen model, the hub's own address, how their events run."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from hub.runtime.additions import Additions
from hub.runtime.benchmarks import Benchmarks
from hub.runtime.engine import Engine

QUIETLY: dict[str, Any] = {
    "api_visibility": "private",
    "show_progress": "hidden",
    "preprocess": False,  # what is asked for is checked where it is used, in sentences
    "concurrency_limit": 4,
}
"""How every event of the page runs; programs have ``api.py``."""


@dataclass(frozen=True)
class Stage:
    """``model`` holds the chosen id, ``address`` where the browser found this hub; the browser keeps both."""

    engine: Engine
    benchmarks: Benchmarks
    additions: Additions
    model: gr.Textbox
    address: gr.Textbox

"""What the sections of the tab share: the engine, the chosen model, the hub's own address."""

from dataclasses import dataclass

import gradio as gr

from hub.runtime.additions import Additions
from hub.runtime.benchmarks import Benchmarks
from hub.runtime.engine import Engine


@dataclass(frozen=True)
class Stage:
    """``model`` holds the chosen id, ``address`` where the browser found this hub; the browser keeps both."""

    engine: Engine
    benchmarks: Benchmarks
    additions: Additions
    model: gr.Textbox
    address: gr.Textbox

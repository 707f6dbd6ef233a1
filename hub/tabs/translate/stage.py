"""What the sections of the tab share: the model and the direction chosen beside them."""

from dataclasses import dataclass

import gradio as gr

from hub.runtime.engine import Engine
from hub.tabs.translate.work import translator
from hub.tasks.translate import TranslateModel


@dataclass(frozen=True)
class Stage:
    """``direction`` is shown for models of two; ``size`` for those of any size."""

    engine: Engine
    model: gr.Dropdown
    direction: gr.Radio
    size: gr.Radio

    @property
    def chosen(self) -> list[gr.components.Component]:
        """What every section is given first: ids of a model and of a direction."""
        return [self.model, self.direction]

    def translator(self, model: str) -> TranslateModel:
        """The model with the id ``model``; raises as :func:`hub.tabs.translate.work.translator`."""
        return translator(self.engine, model)

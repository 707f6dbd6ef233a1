"""What the sections of the tab share: the model and the direction chosen beside them."""

from dataclasses import dataclass
from secrets import token_hex

import gradio as gr

from hub.runtime.engine import Engine
from hub.tabs.latent.stage import OPENED
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


def curtain() -> gr.HTML:
    """Shows nothing. Its ``select`` comes when the section that it lies in is opened, and whenever it is stirred."""
    return gr.HTML(js_on_load=OPENED, elem_classes="curtain", padding=False)


def stir() -> str:
    """To be put into a curtain: sections that are open draw themselves again, the others will when they are opened."""
    return f'<i data-at="{token_hex(4)}"></i>'

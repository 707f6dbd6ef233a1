"""What the sections of the tab share: the model and class chosen above them, and how their events run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from gradio.components import Component
from gradio.events import Dependency

from hub import images
from hub.card import listed_file
from hub.runtime.engine import Engine
from hub.tabs.answers import LIVE
from hub.tabs.curtain import curtain, stir
from hub.tabs.uploads import uploaded
from hub.tasks import speak
from hub.tasks.latent import LatentSpace
from hub.tasks.sample import SampleModel

if TYPE_CHECKING:
    from hub.tabs.latent.point import PointPicker

EXAMPLES = 6
"""At most so many of a bundle's example pictures are offered."""


@dataclass(frozen=True)
class Stage:
    """``label`` holds the class for conditional models, and nothing for others."""

    engine: Engine
    model: gr.Dropdown
    label: gr.Dropdown

    def space(self, model: str) -> LatentSpace:
        """The latent space of the model with the id ``model``.

        Raises:
            UnknownModelError: there is none.
            BundleError: it has another task.
        """
        return LatentSpace(speak(self.engine.model(model), SampleModel))

    def live(self, triggers: Any, fn: Callable[..., Any], inputs: Any, outputs: Any) -> Dependency:
        """Run ``fn`` at ``triggers`` without a spinner; of a burst of events only the last is answered."""
        event: Dependency = gr.on(triggers, fn, inputs, outputs, **LIVE)
        return event


@dataclass(frozen=True)
class Section:
    """What a section of the tab shows: ``draw`` makes ``outputs`` from ``inputs``. Made inside its own tab."""

    points: Sequence["PointPicker"]
    draw: Callable[..., Any]
    inputs: Sequence[Component]
    outputs: Sequence[Component]
    curtain: gr.HTML = field(init=False)
    """Stirred, it draws the section."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "curtain", curtain())
        self.curtain.select(self.draw, list(self.inputs), list(self.outputs), **LIVE)

    def after(self, *events: Dependency) -> None:
        """Draw when any of ``events`` has succeeded, which come from this section."""
        for event in events:
            event.success(self.draw, list(self.inputs), list(self.outputs), **LIVE)


def stirred(sections: Sequence[Section]) -> list[str]:
    """What to put into the curtain of each section to draw it again. Those that nobody has opened yet draw when they
    are opened.
    """
    return [stir()] * len(sections)


def examples(space: LatentSpace) -> list[np.ndarray]:
    """The example pictures of the bundle as its encoder takes them, uint8 [H, W, C]; none without an encoder."""
    model = space.model.model
    if "encoder" not in model.bundle.graphs:
        return []
    listed = [file.path for file in model.bundle.files if file.path.startswith("examples/")]
    found = [listed_file(model.bundle, model.folder, path) for path in sorted(listed)[:EXAMPLES]]
    return [images.fit(images.read(path), model.bundle.image, "keep") for path in found if path]


def fitted(space: LatentSpace, file: object, background: images.Background = "auto") -> np.ndarray:
    """An upload as the model sees it, uint8 [H, W, C]; ``file`` is Gradio's description of it.

    Raises:
        RequestError: it is no upload, no picture, or ``background`` is none of auto, keep and invert.
    """
    path = uploaded(file)
    ground = images.plain_ground(examples(space))
    return images.fit(images.read(path), space.model.bundle.image, background, ground)


def img(image: np.ndarray, alt: str, attributes: str = "") -> str:
    """An ``<img>`` that brings its pixels along: one answer of the server is all that a live picture takes."""
    return f'<img src="{images.to_data_uri(images.to_png(image))}" alt="{escape(alt)}" {attributes}>'


def film(pictures: Sequence[np.ndarray] | np.ndarray, what: str, here: int = -1) -> str:
    """Pictures side by side; ``here`` is the one to mark."""
    frames = (
        img(each, f"{what} {number + 1} of {len(pictures)}", 'class="here"' if number == here else "")
        for number, each in enumerate(pictures)
    )
    return f'<div class="film">{"".join(frames)}</div>'

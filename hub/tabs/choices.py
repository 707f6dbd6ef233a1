"""The models that a tab offers: those that the hub knows now, which may be more than at its start."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import gradio as gr

from hub.contract import Bundle
from hub.runtime.engine import Engine

Titles = list[tuple[str, str]]
Serves = Callable[[Bundle], bool]


def samples(bundle: Bundle) -> bool:
    """Whether it makes pictures of noise: what Sample and Latent are for."""
    return bundle.task == "sample"


def restores(bundle: Bundle) -> bool:
    """Whether it takes damage out of pictures: what Restore is for."""
    return bundle.restores is not None


def translates(bundle: Bundle) -> bool:
    """Whether it turns pictures into others, rather than mending them: what Translate is for."""
    return bundle.task == "translate" and bundle.restores is None


def bundles(engine: Engine, serves: Serves) -> dict[str, Bundle]:
    """The bundles that a tab ``serves`` by id, in the engine's order."""
    return {name: model.bundle for name, model in engine.models.items() if serves(model.bundle)}


def titles(engine: Engine, serves: Serves) -> Titles:
    """Title and id of each, as a dropdown takes them; of two with the same title the id is said, too."""
    offered = bundles(engine, serves)
    counted = Counter(bundle.title for bundle in offered.values())
    return [
        (bundle.title if counted[bundle.title] == 1 else f"{bundle.title} ({name})", name)
        for name, bundle in offered.items()
    ]


def keep_up(opened: gr.HTML, engine: Engine, serves: Serves, model: gr.Dropdown, *others: gr.Dropdown) -> None:
    """When somebody opens the tab, offer them the models there are by then.

    Args:
        opened: the tab's curtain.
        engine: where the models are.
        serves: which of them.
        model: of which one is chosen.
        others: of which one may be chosen, or none.
    """

    def offer() -> Any:
        there = titles(engine, serves)
        several = len(there) > 1
        updates = [
            gr.update(choices=there, interactive=several),
            *(gr.update(choices=[("Nothing", ""), *there], visible=several) for _ in others),
        ]
        return updates if others else updates[0]

    opened.select(offer, None, [model, *others], api_visibility="private", show_progress="hidden")

"""The models that a tab offers: those of its task that the hub knows now, which may be more than at its start."""

from collections import Counter
from typing import Any

import gradio as gr

from hub.contract import Bundle
from hub.runtime.engine import Engine

Titles = list[tuple[str, str]]


def of_task(engine: Engine, task: str) -> dict[str, Bundle]:
    """The bundles of ``task`` by id, in the engine's order."""
    return {name: model.bundle for name, model in engine.models.items() if model.bundle.task == task}


def titles(engine: Engine, task: str) -> Titles:
    """Title and id of each, as a dropdown takes them; of two with the same title the id is said, too."""
    bundles = of_task(engine, task)
    counted = Counter(bundle.title for bundle in bundles.values())
    return [
        (bundle.title if counted[bundle.title] == 1 else f"{bundle.title} ({name})", name)
        for name, bundle in bundles.items()
    ]


def keep_up(tab: gr.Blocks, engine: Engine, task: str, model: gr.Dropdown, *others: gr.Dropdown) -> None:
    """Whenever somebody opens the page, offer them the models there are by then.

    Args:
        tab: whose opening counts.
        engine: where the models are.
        task: which of them.
        model: of which one is chosen.
        others: of which one may be chosen, or none.
    """

    def offer() -> Any:
        there = titles(engine, task)
        several = len(there) > 1
        updates = [
            gr.update(choices=there, interactive=several),
            *(gr.update(choices=[("Nothing", ""), *there], visible=several) for _ in others),
        ]
        return updates if others else updates[0]

    tab.load(offer, None, [model, *others], api_visibility="private", show_progress="hidden")

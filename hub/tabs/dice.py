"""The button that picks another seed."""

import random

import gradio as gr


def dice(elem_id: str | None = None) -> gr.Button:
    """Its die is drawn by house.css, which no font has to have; its words are for those who are read the page to."""
    return gr.Button("Another seed", min_width=46, scale=0, elem_id=elem_id, elem_classes="dice")


def roll() -> int:
    """A seed short enough to remember."""
    return random.randrange(10_000)

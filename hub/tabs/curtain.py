"""Curtains: how a tab, or a section inside one, learns that it was opened, or that what it shows is out of date.

Nothing is drawn before. A visitor's page would ask for everything at once, also for what is never looked at, and the
server would be busy with that while the first picture waits; and Gradio's client may drop one of many events that end
together.
"""

from secrets import token_hex

import gradio as gr

OPENED = """const tell = () => trigger('select', {})
tell()
new MutationObserver(tell).observe(element, {attributes: true, childList: true, subtree: true})"""
"""What is in a tab comes to the page when somebody first opens it, and stays: this tells of that, and of every later
change."""


def curtain() -> gr.HTML:
    """Shows nothing. Its ``select`` comes once the tab that it lies in is first opened, and whenever it is stirred."""
    return gr.HTML(js_on_load=OPENED, elem_classes="curtain", padding=False)


def stir() -> str:
    """To be put into a curtain: sections that are open draw themselves again, the others will when they are opened."""
    return f'<i data-at="{token_hex(4)}"></i>'

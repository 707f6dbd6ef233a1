"""Examples to click on: small pictures in a row, each a button."""

from collections.abc import Iterable

CHOOSE = """element.addEventListener('click', event => {
  const chosen = event.target.closest('button')
  if (chosen) trigger('select', {index: Number(chosen.dataset.index)})
})"""
"""``js_on_load`` of the ``gr.HTML`` that shows a :func:`strip`: its ``select`` event then brings ``event.index``."""


def strip(sources: Iterable[str]) -> str:
    """A button for each picture; ``sources`` are data URIs."""
    return "".join(
        f'<button type="button" data-index="{index}" aria-label="Take example {index + 1}"><img src="{source}" alt="">'
        "</button>"
        for index, source in enumerate(sources)
    )

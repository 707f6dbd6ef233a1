"""The table of all models as a page shows it: columns on a desk, cards on a phone, a button in each row."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from hub.tabs.facts import COLOURS, short
from hub.tabs.models.rows import megabytes

CHOOSE = """element.addEventListener('click', event => {
  const row = event.target.closest('[data-model]')
  if (!row || event.target.closest('a')) return
  for (const each of element.querySelectorAll('[data-model]'))
    each.querySelector('button').setAttribute('aria-pressed', each == row)
  trigger('select', {model: row.dataset.model})
})"""
"""A click anywhere in a row counts; keys reach the button. The row is marked here, so that the focus stays on it."""

HEADER = (
    "Model",
    "Task",
    "Parameters",
    "Variants: size, against PyTorch, here",
    "Quality, beside a baseline",
    "Licence, data, source",
)


def table(rows: Sequence[dict[str, Any]], chosen: str, missing: Mapping[str, str]) -> str:
    """``rows`` as HTML; ``chosen`` is the id of the one whose card is shown. Below, models that are ``missing``, and
    why.
    """
    header = "".join(f'<th scope="col">{name}</th>' for name in HEADER)
    body = "".join(_row(row, row["id"] == chosen) for row in rows)
    left_out = "".join(
        f'<p class="hint"><b>{escape(name)}</b> is left out. {escape(why)}</p>' for name, why in missing.items()
    )
    return (
        '<table class="models"><caption>Choose a model to see its card, files and code.</caption>'
        f"<thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"
        f"{left_out}"
    )


def _row(row: dict[str, Any], chosen: bool) -> str:
    image = row["image"]
    size = "any size" if image["dynamic"] else f"{image['width']} x {image['height']}"
    origin = [", ".join(source["name"] for source in row["data"]), row["source"]]
    name = f'<button type="button" aria-pressed="{str(chosen).lower()}">{escape(row["title"])}</button>'
    cells = [
        ("who", f'<div class="identity">{_thumbnail(row)}<div>{name}<small>{size}, {COLOURS[image["channels"]]}</small>'
                "</div></div>"),
        ("task", escape(row["task"])),
        ("parameters", f"{row['parameters'] / 1e6:.2f} M" if row["parameters"] >= 10_000 else f"{row['parameters']:,}"),
        ("variants", _variants(row["variants"])),
        ("quality", quality(row["metric"])),
        ("licence", f"{escape(row['licence'])}<small>{'<br>'.join(map(escape, filter(None, origin)))}</small>"),
    ]  # fmt: skip
    drawn = "".join(
        f'<td class="{name}" data-label="{heading.partition(":")[0].partition(",")[0]}">{content}</td>'
        for (name, content), heading in zip(cells, HEADER, strict=True)
    )
    return f'<tr data-model="{row["id"]}">{drawn}</tr>'


def _thumbnail(row: dict[str, Any]) -> str:
    if row["picture"] is None:
        return f'<span class="thumbnail" aria-hidden="true">{escape(row["title"][:1])}</span>'
    alt = escape(f"Pictures of {row['title']}")
    return f'<span class="thumbnail {row["task"]}"><img src="{escape(row["picture"])}" alt="{alt}"></span>'


def _variants(variants: Sequence[dict[str, Any]]) -> str:
    """A line each; the latency is that of the quickest provider, once it has been measured."""
    lines = "".join(
        f"<li><b>{each['name']}</b><span>{megabytes(each['bytes'])}</span><span>{each['parity']}</span>"
        f"<span>{_quickest(each['milliseconds_here'])}</span></li>"
        for each in variants
    )
    return f"<ul>{lines}</ul>"


def _quickest(milliseconds: dict[str, float]) -> str:
    if not milliseconds:
        return '<i title="Not measured on this machine yet">–</i>'
    provider = min(milliseconds, key=lambda name: milliseconds[name])
    return f'<em title="Batch of one, {provider}">{milliseconds[provider]:.2f} ms</em>'


def quality(metric: dict[str, Any] | None) -> str:
    """A metric and the first of its baselines, both on the same pictures."""
    if metric is None:
        return "<small>not evaluated</small>"
    unit = f" {escape(metric['unit'])}" if metric["unit"] else ""
    better = "higher is better" if metric["higher_is_better"] else "lower is better"
    name, value, own = metric["rival"] or ("no baseline", None, metric["value"])
    beside = escape(name) if value is None else f"{escape(name)}: {short(value)}{unit}"
    return f"<b>{short(own)}{unit}</b><small>{escape(metric['name'])}, {better}<br>{beside}</small>"

"""What a model is, in a few lines beside its pictures: quality with its baselines, size, data, licence, card."""

from collections.abc import Sequence
from html import escape

from hub.contract import OURS, Bundle, Metric

COLOURS = {1: "grey", 3: "colour", 4: "colour with alpha"}
"""Channels of a picture, in words."""


def facts(bundle: Bundle, folded: bool = False) -> str:
    """The facts of ``bundle`` as HTML. Every number comes from the manifest.

    ``folded``: what it is stays in sight, the numbers come when somebody asks: they are longer than a picture is high.
    """
    size = sum(file.bytes for file in bundle.variants["fp32"].files.values())
    image = bundle.image
    side = f"any size in steps of {image.multiple}" if image.dynamic else f"{image.width} x {image.height}"
    rows = [
        ("Data", ", ".join(f"{source.name} ({source.licence})" for source in bundle.data)),
        ("Weights", f"{bundle.parameters / 1e6:.2f} M parameters, {size / 1e6:.1f} MB, {bundle.licence}"),
        ("Picture", f"{side}, {COLOURS[image.channels]}"),
    ]
    if bundle.latent_dim:
        rows.append(("Latent", f"{bundle.latent_dim} numbers"))
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    measured = "".join(bars(metric) for metric in bundle.metrics if metric.baselines and not metric.subject)
    numbers = f"{measured}{by_temperature(bundle.metrics)}<dl>{listed}</dl>"
    if folded:
        numbers = f"<details><summary>How good it is, size, data and licence</summary>{numbers}</details>"
    return (
        f'<section class="facts"><p>{escape(bundle.description)}</p>{numbers}'
        f'<a href="card/{bundle.id}" target="_blank" rel="noopener">Read the model card</a></section>'
    )


def bars(metric: Metric) -> str:
    """One metric as bars on a common scale, its baselines below it."""
    values = {OURS: metric.value, **metric.baselines}
    longest = max(abs(value) for value in values.values()) or 1.0
    drawn = "".join(
        f'<div class="bar{" ours" if name == OURS else ""}"><span>{escape(name)}</span>'
        f'<i style="--share:{abs(value) / longest:.3f}"></i><b>{short(value)}</b></div>'
        for name, value in values.items()
    )
    better = "higher" if metric.higher_is_better else "lower"
    unit = f" in {metric.unit}" if metric.unit else ""
    others = ", ".join(short(value) for value in metric.per_seed[1:])
    seeds = f"<small>The same recipe from other seeds: {others}</small>" if others else ""
    return (
        f'<figure class="metric"><figcaption>{escape(metric.name)}{escape(unit)} <em>{better} is better, '
        f"{escape(metric.dataset)} {escape(metric.split)}</em></figcaption>{drawn}{seeds}</figure>"
    )


def by_temperature(metrics: Sequence[Metric]) -> str:
    """What samples were measured to be at other temperatures than 1, beside 1: a line a metric, its best value bold."""
    found: dict[str, dict[float, Metric]] = {}
    for metric in metrics:
        temperature = metric.temperature if metric.subject else 1.0
        if temperature is not None:
            found.setdefault(metric.name, {})[temperature] = metric
    found = {name: values for name, values in found.items() if len(values) > 1}
    if not found:
        return ""
    temperatures = sorted({temperature for values in found.values() for temperature in values})
    lines = []
    for name, values in found.items():
        best = max(values.values(), key=lambda metric: metric.value if metric.higher_is_better else -metric.value)
        drawn = {at: narrow(each.value) for at, each in values.items()}
        drawn |= {at: f"<b>{drawn[at]}</b>" for at, each in values.items() if each is best}
        cells = "".join(f"<td>{drawn.get(temperature, '–')}</td>" for temperature in temperatures)
        lines.append(f'<tr><th scope="row">{escape(name.removesuffix(" of samples"))}</th>{cells}</tr>')
    columns = "".join(f'<th scope="col">{temperature:g}</th>' for temperature in temperatures)
    return (
        f'<table class="temperatures"><thead><tr><th scope="col">Temperature</th>{columns}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def narrow(value: float) -> str:
    """As many decimals as five columns have room for beside a name."""
    return f"{value:.3f}" if 0.001 <= abs(value) < 10 else short(value)


def short(value: float) -> str:
    """Three digits that count, and never so many zeros that the column bursts."""
    return f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.4f}"

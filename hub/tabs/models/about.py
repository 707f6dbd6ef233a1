"""The card of the chosen model: its pictures, metrics beside their baselines, data, licence, what runs it here."""

from collections.abc import Sequence
from html import escape

from hub.card import pictures
from hub.contract import Bundle, Metric
from hub.errors import HubError
from hub.runtime.engine import Model
from hub.tabs.facts import COLOURS, bars, by_temperature, short
from hub.tabs.models.rows import card_address


def heading(model: Model) -> str:
    """Whose card it is."""
    bundle = model.bundle
    return (
        f'<header class="chosen" id="chosen-model" aria-live="polite"><h2>{escape(bundle.title)}</h2>'
        f"<code>{bundle.id}</code><p>{escape(bundle.description)}</p></header>"
    )


def about(model: Model) -> str:
    """The card as HTML. Verifies the files, and has the provider chosen where it was not yet."""
    bundle = model.bundle
    shown = "".join(
        f'<figure class="shown"><img src="{escape(card_address(bundle, path))}" alt="{escape(caption)}" loading="lazy">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for path, caption in pictures(bundle, model.folder)
    )
    whole = "".join(bars(metric) for metric in bundle.metrics if not metric.subject)
    parts = [metric for metric in bundle.metrics if metric.subject and metric.temperature is None]
    measured = f"{whole}{by_temperature(bundle.metrics)}" or "<p>This model was not evaluated.</p>"
    return (
        f'<div class="model-card"><div>{shown}</div><div class="facts"><h3>How good it is</h3>{measured}</div>'
        f'<div class="facts"><h3>What it is</h3>{_facts(model)}'
        f'<a href="card/{bundle.id}" target="_blank" rel="noopener">Read the model card</a></div>'
        f"{_by_subject(parts)}</div>"
    )


def _by_subject(metrics: Sequence[Metric]) -> str:
    """Class by class, folded away: many numbers that few ask for."""
    if not metrics:
        return ""
    drawn = "".join(
        f'<tr><th scope="row">{escape(metric.subject)}</th><td>{escape(metric.name)}</td><td>{short(metric.value)}</td>'
        f"<td>{'; '.join(f'{escape(name)}: {short(value)}' for name, value in metric.baselines.items())}</td></tr>"
        for metric in metrics
    )
    header = "".join(f'<th scope="col">{name}</th>' for name in ("Of", "Metric", "Value", "Beside it"))
    return (
        f"<details><summary>Part by part ({len(metrics)})</summary>"
        f'<div class="scrolls"><table><thead><tr>{header}</tr></thead><tbody>{drawn}</tbody></table></div></details>'
    )


def _facts(model: Model) -> str:
    bundle = model.bundle
    image, training = bundle.image, bundle.training
    steps = f" in steps of {image.multiple}" if image.multiple > 1 else ""
    size = f"any size{steps}" if image.dynamic else f"{image.width} x {image.height}"
    told = "; can be told how much" if bundle.told else ""
    listed = [
        ("Task", bundle.task),
        ("Picture", f"{size}, {COLOURS[image.channels]}"),
        *([("Takes out", f"{bundle.restores}{told}")] if bundle.restores else []),
        *([("Latent", f"{bundle.latent_dim} numbers")] if bundle.latent_dim else []),
        *([("Labels", ", ".join(bundle.labels))] if bundle.conditional else []),
        *([("Judge", f"tells apart {', '.join(bundle.labels)}")] if "judge" in bundle.graphs else []),
        *([("Threshold", f"scores above {bundle.threshold:g} are anomalous")] if bundle.threshold is not None else []),
        ("Parameters", f"{bundle.parameters:,}"),
        ("Licence", bundle.licence),
        *(("Data", _source(bundle, at)) for at in range(len(bundle.data))),
        *([("Trained by", str(training["command"]))] if training.get("command") else []),
        *([("Steps", f"{training['steps']:,}")] if isinstance(training.get("steps"), int) else []),
        ("Made", f"{bundle.created:%d %B %Y}, commit {bundle.git_commit[:10]}"),
        ("Source", model.resolved.reason),
        ("Runs here", _runs_here(model)),
    ]
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{escape(value)}</dd>' for name, value in listed)}</dl>"


def _source(bundle: Bundle, at: int) -> str:
    source = bundle.data[at]
    return f"{source.name} {source.version}, {source.licence}" + (f"; {source.split}" if source.split else "")


def _runs_here(model: Model) -> str:
    try:
        choice = model.choice
    except HubError as error:  # damaged, or without the variant that somebody asked for: all else may still be read
        return str(error)
    return f"{choice.variant} on {choice.provider}: {choice.reason}"

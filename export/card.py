"""The model card: ``README.md`` of a bundle, with the header the Hugging Face Hub reads.

Somebody who lands on it sees, in this order: a picture, what the model is, three lines that run it, how good it is
beside its baselines, what the files are and how far each is from PyTorch, where it ends, and how to make it again.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from export.errors import ExportError
from export.trained import Trained
from hub.contract import Bundle, Graph, Metric, Parity, Variant, VariantName
from hub.snippets.plan import plan
from hub.snippets.python import script

PREVIEW = "preview.png"
NEIGHBOURS = "neighbours.png"
"""Samples beside the training pictures nearest to them."""

PIPELINE_TAGS = {
    "sample": "unconditional-image-generation",
    "translate": "image-to-image",
    "inpaint": "image-to-image",
    "anomaly": "image-segmentation",  # the Hub has no tag for anomalies; a heatmap is nearest to a segmentation
    "stylize": "image-to-image",
    "swap": "image-to-image",
    "clip": "zero-shot-image-classification",
}
HUB_DATASETS = {"fashion": "zalando-datasets/fashion_mnist"}
"""Our data sets that the Hub has under an id of its own; others go by their own name."""
HUB_LICENCES = {"GPL-2+": "gpl-2.0", "GPL-2.0-only": "gpl-2.0"}
"""Where the Hub's licence id is not the SPDX identifier in lower case."""
KNOWN_LICENCES = frozenset(
    {
        *("mit", "apache-2.0", "isc", "bsd-2-clause", "bsd-3-clause", "gpl-2.0", "gpl-3.0", "lgpl-3.0"),
        *("cc0-1.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    }
)
"""Licence ids of the Hub; what is not among them is shown as "other", with its name."""
TASK_TITLES = {
    "sample": "makes pictures from noise",
    "translate": "turns one kind of picture into another",
    "inpaint": "fills holes in pictures",
    "anomaly": "finds what does not belong",
    "stylize": "paints one picture in the style of another",
    "swap": "gives one face the expression of another",
    "clip": "finds pictures by words",
}
HUB_CALLS = {
    "sample": "pictures = model.sample(count=16, seed=0)",
    "translate": "translated = model.translate(pixels)",
    "inpaint": "inpainted = model.inpaint(pixels, mask)  # mask: 255 marks the hole",
    "anomaly": "scores, heatmaps = model.detect(pixels)",
    "stylize": "picture = model.stylize(content, style, strength=0.8)",
    "swap": "picture = model.swap(source, target)",
    "clip": 'scores = model.classify(pixels, ["a cat", "a dog"])',
}

QUALITY = "## How good it is"


def card(bundle: Bundle, trained: Trained, captions: Mapping[str, str], refused: Sequence[str] = ()) -> ModelCard:
    """The card of ``bundle``.

    ``captions``: the line under each picture, by its path within the bundle: ``PREVIEW``, and ``NEIGHBOURS`` where
    there are some. ``refused``: what was left out of the variants and why, one sentence each.
    """
    made_by = next(iter(bundle.variants["fp32"].files.values())).path
    sections = [
        f"# {bundle.title}\n\n{bundle.description}",
        _figure(PREVIEW, captions[PREVIEW], f" Made by `{made_by}` in this repository."),
        _facts(bundle),
        _use(bundle),
        _quality(bundle.metrics),
        _memory(captions),
        _files(bundle, refused),
        _limits(bundle, trained),
        _making(bundle, trained),
    ]
    header = _header(bundle, trained).to_yaml()
    return ModelCard(f"---\n{header}\n---\n\n" + "\n\n".join(section for section in sections if section) + "\n")


def what_it_is(summary: str) -> str:
    """The paragraph of a family's docstring that begins with "What:"; else its first line. One line of text."""
    paragraphs = [" ".join(part.split()) for part in summary.split("\n\n")]
    chosen = next(
        (part.removeprefix("What:").strip() for part in paragraphs if part.startswith("What:")), paragraphs[0]
    )
    return chosen[:1].upper() + chosen[1:]


def _figure(path: str, caption: str, more: str = "") -> str:
    return f"![{caption}]({path})\n\n*{caption}{more}*"


def _memory(captions: Mapping[str, str]) -> str:
    if NEIGHBOURS not in captions:
        return ""
    return f"## Does it repeat its training pictures?\n\n{_figure(NEIGHBOURS, captions[NEIGHBOURS])}"


def _header(bundle: Bundle, trained: Trained) -> ModelCardData:
    hub_licence = HUB_LICENCES.get(bundle.licence, bundle.licence.lower())
    known = hub_licence in KNOWN_LICENCES
    dataset = HUB_DATASETS.get(trained.data_name, trained.data_name)
    tag = PIPELINE_TAGS[bundle.task]
    results = [
        EvalResult(
            task_type=tag,
            dataset_type=dataset,
            dataset_name=metric.dataset,
            dataset_split=metric.split,
            metric_type=identifier(metric.name),
            metric_name=metric.name,
            metric_value=round(metric.value, 4),
        )
        for metric in bundle.metrics
        if not metric.subject  # the Hub would show one class's number as the data set's
    ]
    return ModelCardData(
        license=hub_licence if known else "other",
        license_name=None if known else re.sub(r"[^a-z0-9.]+", "-", hub_licence).strip("-"),  # the Hub's own are slugs
        library_name="onnx",
        pipeline_tag=tag,
        tags=["generative-hub", "onnx", "onnxruntime", bundle.family, bundle.task],
        datasets=[dataset],
        metrics=sorted({str(result.metric_type) for result in results}) or None,
        model_name=bundle.id,
        eval_results=results or None,
    )


def _facts(bundle: Bundle) -> str:
    image = bundle.image
    kind = {1: "grayscale", 3: "colour", 4: "colour with alpha"}[image.channels]
    size = f"any size in steps of {image.multiple}" if image.dynamic else f"{image.width} x {image.height}"
    rows = [
        ("Does", TASK_TITLES[bundle.task]),
        ("Pictures", f"{size}, {kind}, `uint8`"),
        ("Weights", f"{bundle.parameters:,} parameters, {bundle.licence}"),
        ("Trained on", ", ".join(f"{source.name} ({source.licence})" for source in bundle.data)),
    ]
    if bundle.latent_dim:
        rows.insert(2, ("Latent", f"{bundle.latent_dim} numbers"))
    if bundle.restores:
        finds = "below 0 where the model is to find out" if bundle.told else "which the model finds out"
        rows.insert(2, ("Takes out", f"{bundle.restores}{', told as `level`' if bundle.told else ''}, {finds}"))
    if bundle.conditional:
        rows.insert(2, ("Labels", ", ".join(bundle.labels)))
    if "judge" in bundle.graphs:
        tells = (
            f"a frozen classifier, no part of the model and not counted above, tells apart {', '.join(bundle.labels)}"
        )
        rows.insert(-1, ("Judge", tells))
    return "\n".join(["| | |", "|---|---|", *(f"| **{name}** | {value} |" for name, value in rows)])


def _told_call(bundle: Bundle) -> str:
    """How to tell it the level of the damage: a line that runs, with one from the middle of what it learned."""
    if not bundle.told:
        return ""
    assert bundle.restores is not None, "the contract: who takes a level says what of"
    middle = round((bundle.restores.lowest + bundle.restores.highest) / 2)
    told = f"translated = model.translate(pixels, level={middle})"
    return f"\n{told}  # told how much there is; a map as large as the picture will do too"


def _use(bundle: Bundle) -> str:
    return f"""## Use it

With Generative Hub (`pip install generative-hub`); an id, this folder or a Hub repository all open alike:

```python
from hub import open_model
model = open_model("{bundle.id}")
{HUB_CALLS[bundle.task]}{_told_call(bundle)}
```

With ONNX Runtime and nothing else. Pixels go in and come out as `uint8`, channels last; scaling and rounding are inside
the graph:

```python
{script(plan(bundle, "fp32")).rstrip()}
```

{_signatures(bundle)}"""


def _signatures(bundle: Bundle) -> str:
    def side(ports: Sequence[object]) -> str:
        return "<br>".join(str(port) for port in ports)

    def shown(graph: Graph) -> tuple[str, str]:
        texts = [
            [f"`{p.name}` {p.dtype} [{', '.join(map(str, p.shape))}]" for p in ports]
            for ports in (graph.inputs, graph.outputs)
        ]
        return side(texts[0]), side(texts[1])

    rows = ["| graph | takes | gives |", "|---|---|---|"]
    return "\n".join(rows + [f"| `{name}` | {' | '.join(shown(graph))} |" for name, graph in bundle.graphs.items()])


def identifier(name: str) -> str:
    """A name in lower-case ASCII letters and digits: é is e."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def with_quality(card: str, metrics: Sequence[Metric]) -> str:
    """The text of a card with other numbers in it. Raises ExportError where it has no place for them."""
    section = re.compile(rf"^{QUALITY}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if not section.search(card):
        raise ExportError(f"The card has no section '{QUALITY}' to put them into.")
    return section.sub(lambda _: f"{_quality(metrics)}\n\n", card, count=1)


def _quality(metrics: Sequence[Metric]) -> str:
    if not metrics:
        return f"{QUALITY}\n\nThis run was not evaluated."
    rows = ["| | this model | beside it | measured with |", "|---|---|---|---|"]
    for metric in metrics:
        arrow = "↑" if metric.higher_is_better else "↓"
        unit = f" {metric.unit}" if metric.unit else ""
        beside = "<br>".join(f"{name}: {value:.4g}{unit}" for name, value in metric.baselines.items()) or "–"
        name = f"{metric.name}: {metric.subject}" if metric.subject else metric.name
        others = ", ".join(f"{value:.4g}" for value in metric.per_seed[1:])
        ours = f"**{metric.value:.4g}{unit}**" + (f"<br>other seeds: {others}" if others else "")
        rows.append(f"| {name} {arrow} | {ours} | {beside} | {metric.evaluator} |")
    first = max(metrics, key=lambda metric: len(metric.seeds))
    more = " and ".join(map(str, first.seeds[1:]))
    seeds = f"seed {first.seeds[0]}" + (f", beside it the same recipe from {more}" if more else " alone")
    return "\n".join([QUALITY, "", f"On the {first.split} split of {first.dataset}, {seeds}.", "", *rows])


def _files(bundle: Bundle, refused: Sequence[str]) -> str:
    graphs = list(bundle.graphs)
    rows = [
        "| variant | files | bytes | against PyTorch | quality against fp32 | ms, batch 1 | browser |",
        "|---|---|--:|---|---|--:|---|",
    ]
    for name, variant in bundle.variants.items():
        files = "<br>".join(f"`{variant.files[graph].path}`" for graph in graphs)
        size = "<br>".join(f"{variant.files[graph].bytes:,}" for graph in graphs)
        parity = "<br>".join(_parity(bundle.graphs[graph], variant.parity[graph]) for graph in graphs)
        latency = "<br>".join(f"{variant.latency_ms[graph]:.2f}" for graph in graphs)
        web = "yes" if variant.web else "no"
        rows.append(f"| **{name}** | {files} | {size} | {parity} | {_delta(name, variant)} | {latency} | {web} |")
    defaults = ", ".join(f"{variant} on {target}" for target, variant in bundle.defaults.items())
    notes = [f"Defaults: {defaults}. Latency is the median on the exporting machine, ONNX Runtime on CPU, two threads."]
    notes += [f"- {sentence}" for sentence in refused]
    return "\n".join(["## Files", "", *rows, "", *notes])


def _parity(graph: Graph, parity: Parity) -> str:
    if any(port.dtype == "uint8" for port in graph.outputs):
        if parity.max_abs == 0:
            return "the same pixels"
        levels = "one grey level" if parity.max_abs == 1 else f"{parity.max_abs:.0f} grey levels"
        return f"{parity.psnr_db:.1f} dB; at most {levels}, in {parity.share_off:.2%}"
    return f"at most {parity.max_abs:.1e} off"


def _delta(name: VariantName, variant: Variant) -> str:
    if name == "fp32":
        return "–"
    return "<br>".join(f"{metric} {change:+.2%}" for metric, change in variant.metric_delta.items()) or "not measured"


def _limits(bundle: Bundle, trained: Trained) -> str:
    image = bundle.image
    names = " and ".join(source.name for source in bundle.data)
    limits = [f"It knows {names} and nothing else; do not expect sense from other pictures."]
    if not image.dynamic:
        limits.append(f"Pictures are {image.width} x {image.height}; it takes and makes no other size.")
    if bundle.task == "sample":
        limits.append("Samples repeat the biases of the training pictures, and may come close to single ones of them.")
    if "fp16" in bundle.variants:
        limits.append("fp16 was measured on a CPU; a GPU rounds in other places, within the same order.")
    if "int8" in bundle.variants:
        limits.append("int8 keeps weights in seven bits: on chips without VNNI, eight could overflow.")
    limits += trained.notes
    return "\n".join(["## Where it ends", "", *(f"- {limit}" for limit in limits)])


def _making(bundle: Bundle, trained: Trained) -> str:
    about = what_it_is(trained.summary)
    sources = [
        f"- {source.name}, version `{source.version}`, {source.licence}{': ' + source.split if source.split else ''}"
        + (f". {trained.attribution}" if trained.attribution else "")
        for source in bundle.data
    ]
    training = bundle.training
    steps = f"{training['steps']:,} steps" if isinstance(training.get("steps"), int) else "its steps"
    shown = f" `points.npz` has the places of {bundle.points.shows} on the map." if bundle.points else ""
    lines = ["## How it was made", ""]
    if about:
        lines += [about, ""]
    lines += [
        *sources,
        "",
        "```sh",
        trained.command,
        f"genhub export RUN --to {bundle.id}",
        "```",
        "",
        f"{steps} in {training.get('minutes', '?')} minutes, seed {training.get('seed', '?')}, "
        f"commit `{bundle.git_commit}`. `config.json` has every setting, `model.safetensors` the PyTorch weights, "
        f"`golden.npz` inputs with the outputs that PyTorch gave.{shown}",
        *(f"\n{note}" for note in training.get("notes", [])),
    ]
    return "\n".join(lines)

"""What can be taken home: each variant's ONNX files, a variant or the whole bundle as a ZIP, everything beside them."""

from html import escape

from hub.contract import Bundle, Variant
from hub.runtime.engine import Model
from hub.tabs.models.rows import file_address, megabytes, parity

HEADER = ("Variant", "ONNX", "Against PyTorch", "Quality", "At export", "Browser", "With all it needs")


PIXELS = "Pixels go in and come out as uint8, channels last. "
ADAPTED = (
    "This model is adapted: its graphs have names, shapes and ranges of their own, which this hub translates. So there "
    "are its files as they are, and no ZIP that would be a bundle."
)


def files(model: Model) -> str:
    """The downloads of ``model`` as HTML. Only what its manifest lists is there."""
    bundle, whole = model.bundle, model.resolved.adapter is None
    rows = "".join(_variant(bundle, name, variant, whole) for name, variant in bundle.variants.items())
    header = "".join(f'<th scope="col">{name}</th>' for name in (HEADER if whole else HEADER[:-1]))
    beside = "".join(
        f"<li>{_link(file_address(bundle, file.path), file.path)} <small>{megabytes(file.bytes)}, "
        f'sha256 <code title="{file.sha256}">{file.sha256[:12]}…</code></small></li>'
        for file in sorted(bundle.files, key=lambda file: file.path)
    )
    everything = sum(file.bytes for file in bundle.all_files())
    button = (
        f'<a class="button" href="download/{bundle.id}.zip" download>Whole bundle (ZIP, {megabytes(everything)})</a>'
        if whole
        else ADAPTED
    )
    return (
        f'<div class="take-home"><p>{button}</p>'
        f'<div class="scrolls"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'
        f"<p><small>{PIXELS if whole else ''}Quality is the change of a metric against fp32; "
        "at export is the median for a batch of one on the exporting machine, plain ONNX Runtime on CPU.</small></p>"
        f"<details><summary>Card, weights, examples ({len(bundle.files)})</summary><ul>{beside}</ul></details></div>"
    )


def _variant(bundle: Bundle, name: str, variant: Variant, whole: bool) -> str:
    defaults = ", ".join(target for target, default in bundle.defaults.items() if default == name)
    onnx = "<br>".join(
        f"{_link(file_address(bundle, file.path), file.path.removeprefix('onnx/'))} "
        f"<small>{megabytes(file.bytes)}</small>"
        for file in variant.files.values()
    )
    near = "<br>".join(parity(bundle, graph, variant.parity[graph]) for graph in variant.files)
    moved = "<br>".join(f"{escape(metric)} {change:+.1%}" for metric, change in variant.metric_delta.items())
    took = "<br>".join(f"{variant.latency_ms[graph]:.2f} ms" for graph in variant.files if graph in variant.latency_ms)
    cells = [
        ("ONNX", onnx),
        ("Against PyTorch", near),
        ("Quality", moved or "–"),
        ("At export", took or "–"),
        ("Browser", "yes" if variant.web else "no"),
    ]
    if whole:
        cells.append(
            ("With all it needs", _link(f"download/{bundle.id}.zip?variant={name}", f"{bundle.id}-{name}.zip"))
        )
    default = f"<small>default: {defaults}</small>" if defaults else ""
    drawn = "".join(f'<td data-label="{label}"><div>{content}</div></td>' for label, content in cells)
    return f'<tr><th scope="row">{name}{default}</th>{drawn}</tr>'


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}" download>{escape(text)}</a>'

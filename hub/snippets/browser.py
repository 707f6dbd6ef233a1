"""A bundle in the browser: one HTML page, onnxruntime-web from npm, no build step and no other server than files'."""

from html import escape

from hub.snippets.plan import CLIP_MEAN, CLIP_STD, TOKENS, Input, Output, Plan, Step, quoted

ONNXRUNTIME_WEB = "1.30.0"

READ = """
// The pixels of a picture file, resized, channels last.
const read = async (path, width, height, channels) => {
  const picture = await createImageBitmap(await (await fetch(path)).blob())
  const context = new OffscreenCanvas(width, height).getContext("2d")
  context.drawImage(picture, 0, 0, width, height)
  const rgba = context.getImageData(0, 0, width, height).data
  return Uint8Array.from({length: width * height * channels}, (_, at) => {
    if (channels > 1) return rgba[Math.floor(at / channels) * 4 + at % channels]
    const [red, green, blue] = rgba.subarray(at * 4)
    return Math.round(0.299 * red + 0.587 * green + 0.114 * blue)
  })
}"""

GAUSSIAN = """
const gaussian = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())"""

SHOW = """
// One picture onto the page; its pixels have 1, 3 or 4 channels, last.
const show = (pixels, width, height, channels) => {
  const canvas = document.body.appendChild(document.createElement("canvas"))
  Object.assign(canvas, {width, height})
  const shown = new ImageData(width, height)
  for (let at = 0; at < shown.data.length; at++) {
    const pixel = Math.floor(at / 4) * channels, channel = at % 4
    shown.data[at] = channel == 3 && channels < 4 ? 255 : pixels[pixel + Math.min(channel, channels - 1)]
  }
  canvas.getContext("2d").putImageData(shown, 0, 0)
}"""


def page(plan: Plan) -> str:
    """``index.html`` for the bundle's folder."""
    title = escape(plan.bundle.title)
    lines = [
        "<!doctype html>",
        "<!-- Save as index.html in the bundle's folder. There:",
        f"       npm install onnxruntime-web@{ONNXRUNTIME_WEB}",
        "       python3 -m http.server 8000",
        "     and open http://localhost:8000 -->",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f"<title>{title}</title>",
        "<style>canvas { width: 128px; margin: 4px; image-rendering: pixelated }</style>",
        f"<body><h1>{title}</h1></body>",
        '<script type="module">',
        'import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs"',
    ]
    if not plan.bundle.variants[plan.variant].web:
        lines.append(f"// {plan.variant} has operators that onnxruntime-web lacks: choose another variant.")
    if "noise" in plan.roles:
        lines += GAUSSIAN.splitlines()
    if plan.reads_pictures:
        lines += READ.splitlines()
    if plan.uses & {"pictures", "heatmap"}:
        lines += SHOW.splitlines()
    for number, step in enumerate(plan.steps):
        lines.append("")
        for each in step.inputs:
            lines += _input(each, plan)
        lines += _run(step, number)
        for output in step.outputs:
            lines += _output(output, plan)
    return "\n".join([*lines, "</script>", "</html>"]) + "\n"


def _input(each: Input, plan: Plan) -> list[str]:
    name, shape = each.name, list(each.shape)

    def tensor(dtype: str, data: str) -> str:
        return f'const {name} = new ort.Tensor("{dtype}", {data}, {shape})'

    match each.role:
        case "noise":
            return [tensor("float32", f"Float32Array.from({{length: {each.size}}}, gaussian)")]
        case "label":
            return [
                f"const inTurn = (_, number) => BigInt(number % {len(plan.bundle.labels)})  // every class",
                tensor("int64", f"BigInt64Array.from({{length: {shape[0]}}}, inTurn)"),
            ]
        case "picture":
            return [tensor("uint8", _pixels(each, *shape[1:]))]
        case "mask":
            _, height, width, _ = shape
            return [
                f"const hole = (x, y) => x >= {width // 4} && x < {width * 3 // 4}"
                f" && y >= {height // 4} && y < {height * 3 // 4}",
                tensor(
                    "uint8",
                    f"Uint8Array.from({{length: {each.size}}}, (_, at) => "
                    f"hole(at % {width}, Math.floor(at / {width})) ? 255 : 0)",
                ),
            ]
        case "planes":
            _, _, height, width = shape
            lines = [f"const mean = {list(CLIP_MEAN)}, std = {list(CLIP_STD)}"]
            if plan.has("preprocessor_config.json"):
                lines = [
                    'const config = await (await fetch("preprocessor_config.json")).json()',
                    "const mean = config.image_mean, std = config.image_std",
                ]
            return [
                *lines,
                f"const pixels = {_pixels(each, height, width, 3)}",
                "const normalised = Float32Array.from(pixels, (_, at) => {  // channels first",
                f"  const channel = Math.floor(at / {height * width})",
                f"  return (pixels[at % {height * width} * 3 + channel] / 255 - mean[channel]) / std[channel]",
                "})",
                tensor("float32", "normalised"),
            ]
        case "strength":
            return [tensor("float32", f"new Float32Array({shape[0]}).fill(1)") + "  // 0 keeps the content"]
        case "level":
            return [tensor("float32", f"new Float32Array({each.size}).fill(-1)") + "  // not known: it finds out"]
        case "tokens":
            ids = ", ".join(f"{token}n" for token in TOKENS)
            return [tensor("int64", f"BigInt64Array.of({ids})") + "  // the tokens of your text"]
        case "attention":
            return [tensor("int64", f"new BigInt64Array({shape[1]}).fill(1n)")]
    return []


def _pixels(each: Input, height: int, width: int, channels: int) -> str:
    if each.picture:
        return f"await read({quoted(each.picture)}, {width}, {height}, {channels})"
    size = f"{height} * {width} * {channels}"
    return f"Uint8Array.from({{length: {size}}}, () => Math.random() * 256)"


def _run(step: Step, number: int) -> list[str]:
    session = "session" if number == 0 else f"session{number + 1}"
    feeds = ", ".join(each.name for each in step.inputs)
    results = ", ".join(output.name for output in step.outputs)
    return [
        f"const {session} = await ort.InferenceSession.create({quoted(step.path)})",
        f"const {{{results}}} = await {session}.run({{{feeds}}})",
    ]


def _output(output: Output, plan: Plan) -> list[str]:
    name = output.name
    match output.use:
        case "pictures":
            return [
                f"const [count, height, width, channels] = {name}.dims",
                "for (let number = 0; number < count; number++)",
                f"  show({name}.data.subarray(number * height * width * channels), width, height, channels)",
            ]
        case "heatmap":
            return [
                f"const [, height, width] = {name}.dims",
                f"show(Uint8Array.from({name}.data, value => value * 255), width, height, 1)",
            ]
        case "score":
            threshold = plan.bundle.threshold
            beside = "" if threshold is None else f", anomalous above {threshold:g}"
            return [f"document.body.append(`{name} ${{{name}.data[0]}}{beside}`)"]
        case "embedding":
            return [f'document.body.append("{name} ", [...{name}.data].join(" "))']
    return []

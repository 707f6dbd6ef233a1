"""A bundle in Python: numpy, Pillow, onnxruntime."""

from hub.snippets.plan import CLIP_MEAN, CLIP_STD, SEED, TEXT, Input, Output, Plan, Step, quoted

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def script(plan: Plan) -> str:
    """A script for the bundle's folder; it prints the outputs' shapes and writes pictures as PNG files."""
    tokenizer = "tokens" in plan.roles and plan.has("tokenizer.json")
    configured = "planes" in plan.roles and plan.has("preprocessor_config.json")
    packages = ["numpy", "onnxruntime", *(["pillow"] if _pillow(plan) else []), *(["tokenizers"] if tokenizer else [])]
    lines = [f"# pip install {' '.join(packages)}", *(["import json", ""] if configured else [])]
    lines += ["import numpy as np", "import onnxruntime as ort"]
    lines += ["from PIL import Image"] if _pillow(plan) else []
    lines += ["from tokenizers import Tokenizer"] if tokenizer else []
    for step in plan.steps:
        lines.append("")
        for each in step.inputs:
            lines += _input(each, plan)
        lines += _run(step)
        for output in step.outputs:
            lines += _output(output, plan)
    return "\n".join(lines) + "\n"


def _pillow(plan: Plan) -> bool:
    return plan.reads_pictures or bool(plan.uses & {"pictures", "heatmap"})


def _input(each: Input, plan: Plan) -> list[str]:
    name, shape = each.name, each.shape
    match each.role:
        case "noise":
            return [
                f"{name} = np.random.RandomState({SEED}).standard_normal({shape}).astype(np.float32)",
            ]
        case "label":
            classes = len(plan.bundle.labels)
            return [f"{name} = np.arange({shape[0]}, dtype=np.int64) % {classes}  # every class in turn"]
        case "picture":
            return [f"{name} = {_pixels(each, *shape[1:])}"]
        case "mask":
            _, height, width, _ = shape
            return [
                f"{name} = np.zeros({shape}, np.uint8)",
                f"{name}[:, {height // 4}:{height * 3 // 4}, {width // 4}:{width * 3 // 4}] = 255  # the hole",
            ]
        case "planes":
            _, _, height, width = shape
            lines = [f"mean, std = {list(CLIP_MEAN)}, {list(CLIP_STD)}"]
            if plan.has("preprocessor_config.json"):
                lines = [
                    'config = json.load(open("preprocessor_config.json"))',
                    'mean, std = config["image_mean"], config["image_std"]',
                ]
            return [
                *lines,
                f"pixels = {_pixels(each, height, width, 3)}",
                f"{name} = ((pixels / 255 - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)",
            ]
        case "strength":
            return [f"{name} = np.ones({shape}, np.float32)  # 0 keeps the content, 1 is all style"]
        case "level":
            return [f"{name} = np.full({shape}, -1, np.float32)  # how much to take out; below 0, the model finds out"]
        case "tokens" if plan.has("tokenizer.json"):
            return [
                f'tokens = Tokenizer.from_file("tokenizer.json").encode("{TEXT}")',
                f"{name} = np.array([tokens.ids], np.int64)",
            ]
        case "tokens":
            return [f"{name} = np.arange(1, {shape[1]} + 1)[None]  # the tokens of your text"]
        case "attention":
            return [f"{name} = np.ones_like(input_ids)"]
    return []


def _pixels(each: Input, height: int, width: int, channels: int) -> str:
    if not each.picture:
        return (
            f"np.random.RandomState(0).randint(0, 256, (1, {height}, {width}, {channels}), dtype=np.uint8)"
            "  # your picture"
        )
    index = "None, ..., None" if channels == 1 else "None"
    opened = f'Image.open({quoted(each.picture)}).convert("{MODES[channels]}").resize(({width}, {height}))'
    return f"np.asarray({opened})[{index}]"


def _run(step: Step) -> list[str]:
    feeds = ", ".join(f'"{each.name}": {each.name}' for each in step.inputs)
    names = ", ".join(f'"{output.name}"' for output in step.outputs)
    results = ", ".join(output.name for output in step.outputs)
    return [
        f"session = ort.InferenceSession({quoted(step.path)})",
        f"[{results}] = session.run([{names}], {{{feeds}}})",
    ]


def _output(output: Output, plan: Plan) -> list[str]:
    name = output.name
    shown = f"print({name}.shape, {name}.dtype)"
    match output.use:
        case "pictures":
            return [
                shown,
                f"for number, pixels in enumerate({name}):",
                f'    Image.fromarray(pixels.squeeze()).save(f"{name}-{{number:02d}}.png")',
            ]
        case "heatmap":
            return [shown, f'Image.fromarray(({name}[0] * 255).astype(np.uint8)).save("{name}.png")']
        case "score":
            threshold = plan.bundle.threshold
            beside = "" if threshold is None else f', "anomalous above {threshold:g}"'
            return [f'print("{name}", {name}[0]{beside})']
        case "embedding":
            return [shown]
    return []

#!/usr/bin/env python3
"""Run the model in this folder: pictures in, pictures out.

    pip install numpy pillow onnxruntime
    python run.py --help

Everything is read from bundle.json, which lies beside this file: the graphs, what they take and give, and the sha256
that each file must have. Scaling and rounding are inside the graphs, so pixels go in and come out as they are.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
CHUNK = 16
FLAGS = {
    "count": ("how many pictures", int, 16),
    "seed": ("the same seed gives the same pictures", int, 0),
    "temperature": ("below 1 typical pictures, above 1 daring ones", float, 1.0),
    "strength": ("how much of the style, 0 to 1", float, 1.0),
    "label": ("a class, by name or number; all in turn unless given", str, None),
    "level": ("how much of the damage there is; the model finds out unless given", float, None),
    "tokens": ("texts as their tokenizer's numbers, as in '49406,2368,49407 49406,1929,49407'", str, None),
}  # fmt: skip
PICTURES = {
    "image": "the picture",
    "mask": "white marks the hole",
    "content": "the picture to paint",
    "style": "the picture whose style to take",
    "source": "the picture whose expression to take",
    "target": "the picture whose identity to keep",
    "pixel_values": "one picture or several",
}
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Refusal(Exception):  # noqa: N818 - it is one
    """What is wrong, for the person at the command line."""


class Bundle:
    def __init__(self, folder):
        self.folder = folder
        self.about = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        self.task, self.graphs, self.image = self.about["task"], self.about["graphs"], self.about["image"]
        self.main = next(iter(self.graphs))
        self.variant = next((name for name in self.about["variants"] if self._is_here(name)), None)
        if self.variant is None:
            raise Refusal(f"{folder} lacks ONNX files that its bundle.json names")
        self._sessions = {}

    def _is_here(self, variant):
        files = self.about["variants"][variant]["files"]
        return all((self.folder / file["path"]).is_file() for file in files.values())

    def ports(self, graph, side="inputs"):
        return [port["name"] for port in self.graphs[graph][side]]

    def run(self, graph, feeds):
        """The outputs of a graph by name, a few rows at a time."""
        rows = len(next(iter(feeds.values())))
        session, names = self._session(graph), self.ports(graph, "outputs")
        parts = [
            session.run(names, {name: array[at : at + CHUNK] for name, array in feeds.items()})
            for at in range(0, rows, CHUNK)
        ]
        return {name: np.concatenate([part[n] for part in parts]) for n, name in enumerate(names)}

    def _session(self, graph):
        if graph not in self._sessions:
            file = self.about["variants"][self.variant]["files"][graph]
            path = self.folder / file["path"]
            if hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
                raise Refusal(f"{file['path']} is damaged: it does not match its sha256")
            self._sessions[graph] = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return self._sessions[graph]

    # ── Pictures and labels ──────────────────────────────────────────────────────────────────────────────────────────

    def opened(self, path):
        try:
            return ImageOps.exif_transpose(Image.open(path))
        except (OSError, Image.DecompressionBombError):
            raise Refusal(f"{path} is no picture that can be read") from None

    def picture(self, path, port, graph=None):
        """A picture file as uint8 [1, H, W, C], in a size that the graph (by default the main one) takes."""
        picture = self.opened(path)
        shape = next(each["shape"] for each in self.graphs[graph or self.main]["inputs"] if each["name"] == port)
        channels = shape[3] if isinstance(shape[3], int) else self.image["channels"]
        mask = port == "mask"
        picture = picture.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels])
        if isinstance(shape[1], int):
            size = (shape[2], shape[1])
        else:
            size = tuple(max(1, side // self.image["multiple"]) * self.image["multiple"] for side in picture.size)
        if picture.size != size:
            picture = ImageOps.fit(picture, size, Image.Resampling.NEAREST if mask else Image.Resampling.LANCZOS)
        pixels = np.asarray(picture, dtype=np.uint8).reshape(1, size[1], size[0], channels)
        return np.where(pixels > 127, 255, 0).astype(np.uint8) if mask else pixels

    def labels(self, wanted, count):
        names = self.about["labels"]
        if wanted is None:
            return np.arange(count, dtype=np.int64) % len(names)
        number = names.index(wanted) if wanted in names else int(wanted) if wanted.isdigit() else -1
        if not 0 <= number < len(names):
            raise Refusal(f"there is no label {wanted!r}; there are {', '.join(names)}")
        return np.full(count, number, np.int64)

    def planes(self, path):
        """A picture as the vision tower of a CLIP wants it: float32 [1, 3, S, S]."""
        config = self.folder / "preprocessor_config.json"
        about = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
        try:
            picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        except (OSError, Image.DecompressionBombError):
            raise Refusal(f"{path} is no picture that can be read") from None
        size = (self.image["width"], self.image["height"])
        pixels = np.asarray(ImageOps.fit(picture, size, Image.Resampling.BICUBIC), np.float32) / 255
        mean, std = about.get("image_mean", CLIP_MEAN), about.get("image_std", CLIP_STD)
        return ((pixels - np.float32(mean)) / np.float32(std)).transpose(2, 0, 1)[None].astype(np.float32)


# ── What each task does ──────────────────────────────────────────────────────────────────────────────────────────────


def sample(bundle, args):
    if args.image:
        if "encoder" not in bundle.graphs:
            raise Refusal("this model makes pictures but does not read them")
        z = bundle.run("encoder", {"image": bundle.picture(args.image, "image", "encoder")})["z"]
    else:
        if args.count < 1:
            raise Refusal("--count must be at least 1")
        noise = np.random.RandomState(args.seed).standard_normal((args.count, bundle.about["latent_dim"]))
        z = noise.astype(np.float32) * np.float32(args.temperature)
        if "prior" in bundle.graphs:
            z = bundle.run("prior", {"noise": z})["z"]
    feeds = {"z": z}
    if "label" in bundle.ports("decoder"):
        feeds["label"] = bundle.labels(args.label, len(z))
    write(bundle.run("decoder", feeds)["image"], args.out)


def translate(bundle, args):
    """A picture of the model's one size, or of any: that is continued by reflection to a whole number of its steps."""
    graph = "inverse" if getattr(args, "inverse", False) else bundle.main
    path, about = needed(args, "image"), bundle.image
    if not about["dynamic"]:
        pixels = bundle.picture(path, "image")
        return write(bundle.run(graph, {"image": pixels} | told(bundle, graph, args, pixels))["translated"], args.out)
    picture = bundle.opened(path)
    # A model that restores grey pictures takes red, green and blue one by one.
    each = bundle.about.get("restores") and about["channels"] == 1 and picture.mode not in ("1", "L", "LA")
    channels = 3 if each else about["channels"]
    pixels = np.asarray(picture.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]), np.uint8)
    height, width = pixels.shape[:2]
    pixels = pixels.reshape(1, height, width, channels)
    padding = [(0, 0), *((0, -side % about["multiple"]) for side in (height, width)), (0, 0)]
    pixels = np.pad(pixels, padding, mode="reflect")
    pixels = pixels.transpose(3, 1, 2, 0) if each else pixels
    found = bundle.run(graph, {"image": pixels} | told(bundle, graph, args, pixels))["translated"]
    return write((found.transpose(3, 1, 2, 0) if each else found)[:, :height, :width], args.out)


def told(bundle, graph, args, pixels):
    """How much of the damage there is, the same everywhere, for a model that takes a map of it."""
    if "level" not in bundle.ports(graph):
        return {}
    level = -1.0 if args.level is None else args.level
    if not -1 <= level <= 255:
        raise Refusal("--level must lie between 0 and 255")
    return {"level": np.full((*pixels.shape[:3], 1), level, np.float32)}


def pictures(bundle, args):
    """Tasks that take pictures and give one: inpaint, stylize, swap."""
    graph = bundle.main
    feeds = {}
    for port in bundle.ports(graph):
        if port == "strength":
            feeds[port] = np.array([min(max(args.strength, 0.0), 1.0)], np.float32)
        else:
            feeds[port] = bundle.picture(needed(args, port), port)
    sizes = {array.shape[1:3] for name, array in feeds.items() if name in ("image", "mask")}
    if len(sizes) > 1:
        raise Refusal("the picture and its mask have different sizes")
    write(next(iter(bundle.run(graph, feeds).values())), args.out)


def anomaly(bundle, args):
    feeds = {"image": bundle.picture(needed(args, "image"), "image")}
    if "label" in bundle.ports("detector"):
        feeds["label"] = bundle.labels(args.label or "0", 1)
    found = bundle.run("detector", feeds)
    score, threshold = float(found["score"][0]), bundle.about["threshold"]
    verdict = (
        "" if threshold is None else f", {'anomalous' if score > threshold else 'normal'} (threshold {threshold:g})"
    )
    print(f"score {score:.6g}{verdict}")
    write((found["heatmap"].clip(0, 1) * 255).round().astype(np.uint8)[..., None], args.out)


def clip(bundle, args):
    if not args.pixel_values and not args.tokens:
        raise Refusal("give --image, --tokens, or both")
    found = {}
    if args.pixel_values:
        planes = np.concatenate([bundle.planes(path) for path in args.pixel_values])
        found["image_embeds"] = bundle.run("vision_model", {"pixel_values": planes})["image_embeds"]
    if args.tokens:
        try:
            texts = [np.array([[int(token) for token in text.split(",")]]) for text in args.tokens.split()]
        except ValueError:
            raise Refusal("--tokens must be whole numbers, separated by commas") from None
        feeds = [{"input_ids": text, "attention_mask": np.ones_like(text)} for text in texts]
        found["text_embeds"] = np.concatenate([bundle.run("text_model", feed)["text_embeds"] for feed in feeds])
    unit = {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in found.items()}
    if len(unit) == 2:
        print(
            "\n".join(
                " ".join(f"{cosine:.4f}" for cosine in row) for row in unit["image_embeds"] @ unit["text_embeds"].T
            )
        )
    np.savez(args.out, **found)
    print(args.out)


TASKS = {"sample": sample, "translate": translate, "anomaly": anomaly, "clip": clip}


def needed(args, port):
    path = getattr(args, port)
    if path is None:
        raise Refusal(f"--{port} is needed: {PICTURES[port]}")
    return path


def write(images, path):
    """One picture, or a grid of them, as near a square as it goes."""
    count, height, width, channels = images.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * height, columns * width, channels), 255, np.uint8)
    for n, image in enumerate(images):
        row, column = divmod(n, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = image
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(path)
    print(path)


def parser(bundle):
    about = bundle.about
    made = argparse.ArgumentParser(description=f"{about['title']}: {about['description']}")
    ports = [port for graph in bundle.graphs for port in bundle.ports(graph)]
    names = ["count", "seed", "temperature"] if bundle.task == "sample" else []
    names += [name for name in ("label", "strength", "level") if name in ports]
    names += ["tokens"] if "input_ids" in ports else []
    for name in names:
        text, kind, default = FLAGS[name]
        made.add_argument(f"--{name}", type=kind, default=default, help=text)
    if bundle.task == "sample":
        made.add_argument("--image", help="a picture to encode and decode again, in place of noise")
    for name, text in PICTURES.items():
        if bundle.task != "sample" and name in ports:
            several = {"nargs": "+", "dest": name} if name == "pixel_values" else {}
            made.add_argument("--image" if name == "pixel_values" else f"--{name}", help=text, **several)
    if "inverse" in bundle.graphs:
        made.add_argument("--inverse", action="store_true", help="the other way round")
    made.add_argument("--out", default="out.npz" if bundle.task == "clip" else "out.png", help="the file to write")
    return made


def main():
    try:
        bundle = Bundle(HERE)
        TASKS.get(bundle.task, pictures)(bundle, parser(bundle).parse_args())
    except Refusal as refusal:
        sys.exit(f"run.py: {refusal}.")
    except OSError as error:
        sys.exit(f"run.py: {error.filename or 'a file'} cannot be used: {error.strerror or error}.")


if __name__ == "__main__":
    main()

"""Real inputs for every graph: what a model meets in use, not noise where pictures belong.

Images and labels come from the examples handed in, latents from the model's own prior and encoder, masks are boxes as
people draw them. A seed gives the same inputs on every machine.
"""

from collections.abc import Mapping

import numpy as np

from export.errors import ExportError
from export.graphs import Wrapped
from export.trained import Examples, Trained
from hub.contract import Graph, Port
from hub.signatures import UNKNOWN_LEVEL

CLIP_MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
CLIP_STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
"""How public CLIP repositories normalise ``pixel_values`` (openai/clip-vit-base-patch32, preprocessor_config.json)."""
DYNAMIC_TOKENS = 16


class Inputs:
    """Draws feeds for the graphs of one model."""

    def __init__(self, trained: Trained, examples: Examples, graphs: Mapping[str, Wrapped]) -> None:
        """``graphs`` run in PyTorch: latents for the decoder come from its encoder and prior, where it has them.

        Raises:
            ExportError: there are no examples to draw from.
        """
        if len(examples) < 2:
            raise ExportError(
                f"Export needs real images to check the model against, and the data set '{trained.data_name}' gave "
                f"{len(examples)}; build it with 'genhub data build {trained.data_name}'."
            )
        self._trained, self._examples, self._graphs = trained, examples, graphs

    def draw(
        self, graph: Graph, count: int, seed: int = 0, size: tuple[int, int] | None = None
    ) -> dict[str, np.ndarray]:
        """``count`` rows for every input of ``graph``; images at ``size`` (height, width), else the model's own."""
        rows, random = self._rows(count, seed)
        height, width = size or (self._trained.image.height, self._trained.image.width)
        return {
            port.name: np.ascontiguousarray(self._port(port, rows, random, height, width)).astype(port.dtype)
            for port in graph.inputs
        }

    def targets(self, count: int, seed: int = 0) -> np.ndarray | None:
        """What the images of ``draw`` should become, uint8 [count, H, W, C]; ``None`` where that is not known."""
        rows, _ = self._rows(count, seed)
        return None if self._examples.targets is None else self._examples.targets[rows]

    def _rows(self, count: int, seed: int) -> tuple[np.ndarray, np.random.RandomState]:
        """Examples in an order that ``seed`` fixes, from the start again where there are too few."""
        random = np.random.RandomState(seed)
        return random.permutation(len(self._examples))[np.arange(count) % len(self._examples)], random

    def _port(self, port: Port, rows: np.ndarray, random: np.random.RandomState, height: int, width: int) -> np.ndarray:
        count = len(rows)
        match port.name:
            case "image" | "content" | "source" if port.dtype == "uint8":
                return self._images(rows, height, width)
            case "style" | "target":  # another picture of the same data than the content or source beside it
                return self._images(np.roll(rows, 1) if count > 1 else (rows + 1) % len(self._examples), height, width)
            case "level":
                return self._levels(count, random, height, width)
            case "mask":
                return box_masks(count, height, width, random)
            case "label":
                return self._labels(rows)
            case "z":
                return self._latents(rows, random)
            case "noise":
                return random.standard_normal((count, int(port.shape[1])))
            case "strength":
                return np.linspace(1, 0.25, count)
            case "pixel_values":
                pixels = self._images(rows, height, width) / np.float32(255)
                normalised: np.ndarray = ((pixels - CLIP_MEAN) / CLIP_STD).transpose(0, 3, 1, 2)
                return normalised
            case "input_ids" | "attention_mask" if port.name in self._examples.tokens:
                tokens: np.ndarray = self._examples.tokens[port.name][rows]
                return tokens
        raise ExportError(f"There are no real inputs for '{port.name}' of this model.")

    def _images(self, rows: np.ndarray, height: int, width: int) -> np.ndarray:
        """Cut from the top left where a smaller size is wanted, tiled where a larger one is."""
        images: np.ndarray = self._examples.images[rows]
        if images.shape[1:3] == (height, width):
            return images
        tiles = (1, -(-height // images.shape[1]), -(-width // images.shape[2]), 1)
        return np.tile(images, tiles)[:, :height, :width]

    def _levels(self, count: int, random: np.random.RandomState, height: int, width: int) -> np.ndarray:
        """Every other picture is told a level of what the model restores, the rest say that it is not known."""
        damage = self._trained.restores
        lowest, highest = (0.0, 1.0) if damage is None else (damage.lowest, damage.highest)
        levels = random.uniform(lowest, highest, count)
        levels[::2] = UNKNOWN_LEVEL
        return np.broadcast_to(levels[:, None, None, None], (count, height, width, 1))

    def _labels(self, rows: np.ndarray) -> np.ndarray:
        known = self._examples.labels
        labels: np.ndarray = known[rows] if known is not None else rows % max(1, len(self._trained.labels))
        return labels

    def _latents(self, rows: np.ndarray, random: np.random.RandomState) -> np.ndarray:
        """What a decoder is fed in use: every other row a sample of the prior, the rest encoded pictures."""
        z = random.standard_normal((len(rows), self._trained.latent_dim or 0)).astype(np.float32)
        if "prior" in self._graphs:
            z = self._graphs["prior"].run({"noise": z})["z"]
        if "encoder" in self._graphs:
            z[1::2] = self._graphs["encoder"].run({"image": self._examples.images[rows[1::2]]})["z"]
        return z


def box_masks(count: int, height: int, width: int, random: np.random.RandomState) -> np.ndarray:
    """uint8 [count, height, width, 1]: one box of 255, a quarter to a half of each side, on 0."""
    masks = np.zeros((count, height, width, 1), np.uint8)
    for mask in masks:
        tall, wide = (random.randint(side // 4, side // 2 + 1) for side in (height, width))
        top, left = random.randint(0, height - tall + 1), random.randint(0, width - wide + 1)
        mask[top : top + tall, left : left + wide] = 255
    return masks

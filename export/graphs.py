"""From a family's module to a graph of the contract: one wrapper per graph of each task.

A family trains in float [-1, 1], channels first. A client has bytes, channels last. What lies between is written here,
once, and becomes part of the ONNX file, so that nobody has to write it again in another language:

* pixels in: ``x / 127.5 - 1``;
* pixels out: ``(y + 1) * 127.5``, rounded **half to even** (ONNX ``Round``, NumPy ``rint`` and torch ``round`` agree on
  that), then clipped to [0, 255];
* both in float32 in every variant: half precision would lose a grey level before the model has begun.

What each task expects of ``Trainer.inference_modules()``, all float, images NCHW in [-1, 1]:

    sample     decoder(z) or decoder(z, label) -> image;  encoder(image) -> z;  prior(noise) -> z;
               judge(image) -> logits [N, classes]
    translate  translator(image) or translator(image, level) -> image;  inverse(image) -> image
                                                          level [N, 1, H, W], below 0 where it is not known
               meter(image) -> level [N]
    inpaint    inpainter(image, hole) -> image            hole [N, 1, H, W] is 1 in the hole, where image is 0
    anomaly    detector(image) or detector(image, label) -> score [N], heatmap [N, H, W] or [N, 1, H, W]
    stylize    stylizer(content, style, strength) -> image
    swap       swapper(source, target) -> image
    clip       vision_model(pixel_values) -> embedding;  text_model(input_ids, attention_mask) -> embedding
"""

from collections.abc import Mapping, Set
from copy import deepcopy
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from export.errors import ExportError
from hub.contract import TASKS, Graph, Port

Arrays = Mapping[str, np.ndarray]


class Wrapper(nn.Module):
    """A family's module behind the contract's ports. The parameters of ``forward`` are the graph's inputs, by name."""

    def __init__(self, inner: nn.Module, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.inner = inner
        self.dtype = dtype

    def planes(self, pixels: Tensor) -> Tensor:
        """uint8 [N, H, W, C] to the family's float [N, C, H, W] in [-1, 1]."""
        return (pixels.float().permute(0, 3, 1, 2) / 127.5 - 1).to(self.dtype)

    def pixels(self, planes: Tensor) -> Tensor:
        """Float [N, C, H, W] in [-1, 1] to uint8 [N, H, W, C]: rounded half to even, then clipped."""
        levels = (planes.float().permute(0, 2, 3, 1) + 1) * 127.5
        return levels.round().clamp(0, 255).to(torch.uint8)


class Decoder(Wrapper):
    """z [N, D] -> image."""

    def forward(self, z: Tensor) -> Tensor:
        return self.pixels(self.inner(z.to(self.dtype)))


class LabelledDecoder(Wrapper):
    """z [N, D], label int64 [N] -> image."""

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.pixels(self.inner(z.to(self.dtype), label))


class Encoder(Wrapper):
    """image -> z [N, D]."""

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.inner(self.planes(image)).float())


class Prior(Wrapper):
    """noise [N, D] -> z [N, D]."""

    def forward(self, noise: Tensor) -> Tensor:
        return cast(Tensor, self.inner(noise.to(self.dtype)).float())


class Judge(Wrapper):
    """image -> probabilities [N, classes]; the softmax in float32, so that they sum to 1 in every variant."""

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.inner(self.planes(image)).float().softmax(dim=1))


class Translator(Wrapper):
    """image -> translated; serves ``translator`` and ``inverse``."""

    def forward(self, image: Tensor) -> Tensor:
        return self.pixels(self.inner(self.planes(image)))


class ToldTranslator(Translator):
    """image, level [N, H, W, 1] -> translated. In half precision too, levels up to 255 are exact enough."""

    def forward(self, image: Tensor, level: Tensor) -> Tensor:  # type: ignore[override]
        return self.pixels(self.inner(self.planes(image), level.permute(0, 3, 1, 2).to(self.dtype)))


class Meter(Wrapper):
    """image -> level [N]."""

    def forward(self, image: Tensor) -> Tensor:
        return cast(Tensor, self.inner(self.planes(image)).float())


class Inpainter(Wrapper):
    """image, mask -> inpainted.

    255 marks the hole; an antialiased mask is cut at 127.5. The model never sees a pixel under the hole, and known
    pixels are copied as bytes, past all arithmetic: they come back bit-exact.
    """

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        hole = mask.float() > 127.5
        hole_planes = hole.permute(0, 3, 1, 2).to(self.dtype)
        painted = self.inner(self.planes(image) * (1 - hole_planes), hole_planes)
        return torch.where(hole, self.pixels(painted), image)


class Detector(Wrapper):
    """image -> score [N], heatmap [N, H, W] in [0, 1]."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.answer(*self.inner(self.planes(image)))

    @staticmethod
    def answer(score: Tensor, heatmap: Tensor) -> tuple[Tensor, Tensor]:
        flat = heatmap.squeeze(1) if heatmap.dim() == 4 else heatmap
        return score.float(), flat.float().clamp(0, 1)


class LabelledDetector(Detector):
    """image, label int64 [N] (which class is normal) -> score [N], heatmap [N, H, W] in [0, 1]."""

    def forward(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.answer(*self.inner(self.planes(image), label))


class Stylizer(Wrapper):
    """content, style, strength [N] in [0, 1] -> image."""

    def forward(self, content: Tensor, style: Tensor, strength: Tensor) -> Tensor:
        return self.pixels(self.inner(self.planes(content), self.planes(style), strength.to(self.dtype)))


class Swapper(Wrapper):
    """source (whose expression), target (whose identity) -> image."""

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        return self.pixels(self.inner(self.planes(source), self.planes(target)))


class VisionModel(Wrapper):
    """pixel_values [N, 3, H, W], normalised by the client as public CLIP repositories have it -> image_embeds."""

    def forward(self, pixel_values: Tensor) -> Tensor:
        return cast(Tensor, self.inner(pixel_values.to(self.dtype)).float())


class TextModel(Wrapper):
    """input_ids, attention_mask int64 [N, L] -> text_embeds."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return cast(Tensor, self.inner(input_ids, attention_mask).float())


WRAPPERS: dict[tuple[str, str], type[Wrapper]] = {
    ("sample", "decoder"): Decoder,
    ("sample", "encoder"): Encoder,
    ("sample", "prior"): Prior,
    ("sample", "judge"): Judge,
    ("translate", "translator"): Translator,
    ("translate", "inverse"): Translator,
    ("translate", "meter"): Meter,
    ("inpaint", "inpainter"): Inpainter,
    ("anomaly", "detector"): Detector,
    ("stylize", "stylizer"): Stylizer,
    ("swap", "swapper"): Swapper,
    ("clip", "vision_model"): VisionModel,
    ("clip", "text_model"): TextModel,
}
WITH: dict[tuple[type[Wrapper], str], type[Wrapper]] = {
    (Decoder, "label"): LabelledDecoder,
    (Detector, "label"): LabelledDetector,
    (Translator, "level"): ToldTranslator,
}
"""Which wrapper takes an optional input."""


@dataclass(frozen=True)
class Wrapped:
    """One graph, still in PyTorch: what ONNX Runtime will be held to."""

    name: str
    module: Wrapper
    ports: Graph

    @torch.inference_mode()
    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """PyTorch's outputs by name, for inputs by name."""
        answer = self.module(*(torch.from_numpy(feeds[port.name]) for port in self.ports.inputs))
        outputs = answer if isinstance(answer, tuple) else (answer,)
        return {port.name: out.numpy() for port, out in zip(self.ports.outputs, outputs, strict=True)}

    def half(self) -> "Wrapped":
        """The same graph computing in half precision; its ports stay as they are."""
        inner = deepcopy(self.module.inner).half()
        return Wrapped(self.name, type(self.module)(inner, torch.float16).eval(), self.ports)


def wrap(
    task: str, modules: Mapping[str, nn.Module], sizes: Mapping[str, int], optional: Set[str] = frozenset()
) -> dict[str, Wrapped]:
    """Every graph of ``task``, in the contract's order, around the modules of a family.

    ``sizes`` says what the contract's dimension names mean (``channels``, ``latent``, ``height``, ...); a name that is
    missing stays dynamic. ``optional``: the optional inputs that the modules take, where a graph may have them.

    Raises:
        ExportError: a module that the task needs is missing, or one that it does not know is there.
    """
    signatures = TASKS[task]
    missing = [name for name, graph in signatures.items() if name not in modules and not graph.optional]
    unknown = [name for name in modules if name not in signatures]
    if missing or unknown:
        wrong = f"lacks '{missing[0]}'" if missing else f"has '{unknown[0]}', which is no graph of that task"
        raise ExportError(f"The task '{task}' needs the modules {', '.join(signatures)}; this run {wrong}.")
    wrapped = {}
    for name in signatures:
        if name in modules:
            kind = WRAPPERS[task, name]
            for port in signatures[name].inputs:
                if port.optional and port.name in optional:
                    kind = WITH[kind, port.name]
            inner = deepcopy(modules[name]).cpu().float().eval().requires_grad_(False)
            wrapped[name] = Wrapped(name, kind(inner).eval(), describe(signatures[name], sizes, optional))
    return wrapped


def describe(signature: Graph, sizes: Mapping[str, int], optional: Set[str]) -> Graph:
    """The manifest's entry for a graph: its task's signature with the sizes filled in."""

    def filled(port: Port) -> Port:
        shape = tuple(sizes.get(size, size) if isinstance(size, str) else size for size in port.shape)
        return Port(name=port.name, dtype=port.dtype, shape=shape, range=port.range)

    inputs = tuple(filled(port) for port in signature.inputs if not port.optional or port.name in optional)
    return Graph(inputs=inputs, outputs=tuple(map(filled, signature.outputs)))

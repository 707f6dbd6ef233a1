"""What a snippet does, before any language: the graphs in order, a value for every input, a use for every output."""

import json
import reprlib
from dataclasses import dataclass
from typing import Literal

from hub.contract import Bundle, Port, VariantName
from hub.errors import RequestError

COUNT = 16
"""Pictures that a ``sample`` snippet makes; all others run on one picture."""
SEED = 0
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""How public CLIP models normalise, where a bundle has no ``preprocessor_config.json`` that says otherwise."""
TEXT = "a photo of a shirt"
TOKENS = (1, 2, 3, 4)
"""Stand for a text where a language has no tokenizer at hand."""

RUNS: dict[str, tuple[str, ...]] = {
    "sample": ("prior", "decoder"),
    "translate": ("translator",),
    "inpaint": ("inpainter",),
    "anomaly": ("detector",),
    "stylize": ("stylizer",),
    "swap": ("swapper",),
    "clip": ("vision_model", "text_model"),
}
"""Task -> the graphs a snippet runs, in order, where the bundle has them."""

Role = Literal["earlier", "noise", "label", "picture", "mask", "planes", "strength", "level", "tokens", "attention"]
Use = Literal["pictures", "heatmap", "score", "embedding", "latent"]

INPUT_ROLES: dict[str, Role] = {
    "noise": "noise",
    "z": "noise",
    "label": "label",
    "mask": "mask",
    "pixel_values": "planes",
    "strength": "strength",
    "level": "level",
    "input_ids": "tokens",
    "attention_mask": "attention",
}
"""Every other input of the contract is a picture."""
OUTPUT_USES: dict[str, Use] = {
    "z": "latent",
    "heatmap": "heatmap",
    "score": "score",
    "image_embeds": "embedding",
    "text_embeds": "embedding",
}
"""Every other output of the contract is pictures."""


@dataclass(frozen=True)
class Input:
    """One input of a graph. ``shape`` is numbers; ``picture`` is the path of an example, empty for random pixels."""

    name: str
    role: Role
    shape: tuple[int, ...]
    picture: str = ""

    @property
    def size(self) -> str:
        """The number of elements as people write it: ``16 * 32``."""
        return " * ".join(map(str, self.shape))


@dataclass(frozen=True)
class Output:
    name: str
    use: Use


@dataclass(frozen=True)
class Step:
    """One graph: its file within the bundle's folder, what goes in, what comes out."""

    graph: str
    path: str
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]


@dataclass(frozen=True)
class Plan:
    bundle: Bundle
    variant: VariantName
    steps: tuple[Step, ...]

    @property
    def roles(self) -> set[Role]:
        """What any input is: decides which functions a snippet needs."""
        return {each.role for step in self.steps for each in step.inputs}

    @property
    def uses(self) -> set[Use]:
        """What any output is used for."""
        return {each.use for step in self.steps for each in step.outputs}

    @property
    def reads_pictures(self) -> bool:
        """Whether a picture file is opened."""
        return any(each.picture for step in self.steps for each in step.inputs)

    @property
    def random_pictures(self) -> bool:
        """Whether random pixels stand for a picture."""
        pictures = (each for step in self.steps for each in step.inputs if each.role in ("picture", "planes"))
        return any(not each.picture for each in pictures)

    def has(self, path: str) -> bool:
        """Whether the manifest lists the file ``path``."""
        return any(file.path == path for file in self.bundle.files)


def plan(bundle: Bundle, variant: VariantName) -> Plan:
    """What to run of ``bundle``.

    Raises:
        RequestError: it has no such variant.
    """
    if variant not in bundle.variants:
        raise RequestError(
            f"'{bundle.id}' has no variant {reprlib.repr(variant)}; it has {', '.join(bundle.variants)}."
        )
    examples = sorted(
        file.path for file in bundle.files if file.path.startswith("examples/") and file.path.endswith(".png")
    )
    count = COUNT if bundle.task == "sample" else 1
    known: set[str] = set()
    pictures = 0
    steps = []
    for name in RUNS[bundle.task]:
        if name not in bundle.graphs:
            continue
        inputs = []
        for port in bundle.graphs[name].inputs:
            role: Role = "earlier" if port.name in known else INPUT_ROLES.get(port.name, "picture")
            picture = ""
            if role in ("picture", "planes") and examples:
                picture = examples[pictures % len(examples)]
                pictures += 1
            inputs.append(Input(port.name, role, _shape(bundle, port, count), picture))
        outputs = tuple(
            Output(port.name, OUTPUT_USES.get(port.name, "pictures")) for port in bundle.graphs[name].outputs
        )
        known |= {output.name for output in outputs}
        steps.append(Step(name, bundle.variants[variant].files[name].path, tuple(inputs), outputs))
    return Plan(bundle, variant, tuple(steps))


def _shape(bundle: Bundle, port: Port, count: int) -> tuple[int, ...]:
    sizes = {"batch": count, "tokens": len(TOKENS), "height": bundle.image.height, "width": bundle.image.width}
    sizes |= {"style_height": bundle.image.height, "style_width": bundle.image.width}
    return tuple(size if isinstance(size, int) else sizes[size] for size in port.shape)


def quoted(text: str) -> str:
    """``text`` as a string literal of Python, JavaScript and C# alike, safe inside an HTML page too: a manifest's
    strings are somebody else's writing.
    """
    return json.dumps(text).replace("<", "\\u003c").replace("\x7f", "\\u007f")

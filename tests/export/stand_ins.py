"""Small untrained families, one for each task: the real interface, weights of no meaning, exported in a second."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from export.trained import Examples, Trained
from hub.contract import Damage, ImageSpec, Source

SIZE, LATENT = 16, 6


class Convolutions(nn.Module):
    """Any number of pictures and planes in, one picture out."""

    def __init__(self, inputs: int, outputs: int, width: int = 24) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, *planes: Tensor) -> Tensor:
        picture: Tensor = self.body(torch.cat(planes, dim=1))
        return picture


class Decoder(nn.Module):
    def __init__(self, channels: int = 1, classes: int = 0) -> None:
        super().__init__()
        self.stem = nn.Linear(LATENT, 8 * 8 * 8)
        self.classes = nn.Embedding(classes, LATENT) if classes else None
        self.body = nn.Sequential(nn.Upsample(scale_factor=2), Convolutions(8, channels))

    def forward(self, z: Tensor) -> Tensor:
        picture: Tensor = self.body(self.stem(z).reshape(-1, 8, 8, 8))
        return picture


class LabelledDecoder(Decoder):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        assert self.classes is not None
        return super().forward(z + self.classes(label))


class Encoder(nn.Module):
    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(Convolutions(channels, 4), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, LATENT))

    def forward(self, image: Tensor) -> Tensor:
        z: Tensor = self.body(image)
        return z


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Convolutions(1, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        heatmap = (self.body(image) - image).abs()
        return heatmap.mean(dim=(1, 2, 3)), heatmap


class Stylizer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = Convolutions(3, 3)

    def forward(self, content: Tensor, style: Tensor, strength: Tensor) -> Tensor:
        painted = self.body(content) * style.mean(dim=(2, 3), keepdim=True)
        return content + strength[:, None, None, None] * (painted - content)


class Vision(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(Convolutions(3, 4), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 8))

    def forward(self, pixel_values: Tensor) -> Tensor:
        embedding: Tensor = self.body(pixel_values)
        return embedding


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(50, 8), nn.Linear(8, 8)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        weight = attention_mask.to(self.head.weight.dtype)[..., None]
        embedding: Tensor = self.head((self.words(input_ids) * weight).sum(dim=1) / weight.sum(dim=1))
        return embedding


def pictures(count: int, channels: int, seed: int = 0) -> np.ndarray:
    """Smooth random pictures, uint8 [count, SIZE, SIZE, channels]."""
    random = np.random.RandomState(seed)
    coarse = random.randint(0, 256, (count, 4, 4, channels))
    return coarse.repeat(SIZE // 4, axis=1).repeat(SIZE // 4, axis=2).astype(np.uint8)


def modules(task: str, labelled: bool = False, judge: bool = False, told: bool = False) -> dict[str, nn.Module]:
    torch.manual_seed(0)
    made: dict[str, nn.Module]
    match task:
        case "sample":
            decoder = LabelledDecoder(classes=3) if labelled else Decoder()
            made = {"decoder": decoder, "encoder": Encoder(), "prior": nn.Linear(LATENT, LATENT)}
            if judge:
                made["judge"] = nn.Sequential(Convolutions(1, 4), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(64, 3))
        case "translate" if told:
            made = {"translator": Convolutions(4, 3)}
        case "translate":
            made = {"translator": Convolutions(3, 3), "inverse": Convolutions(3, 3)}
        case "inpaint":
            made = {"inpainter": Convolutions(4, 3)}
        case "anomaly":
            made = {"detector": Detector()}
        case "stylize":
            made = {"stylizer": Stylizer()}
        case "swap":
            made = {"swapper": Convolutions(6, 3)}
        case _:
            made = {"vision_model": Vision(), "text_model": Text()}
    return {name: module.eval() for name, module in made.items()}


def trained(
    task: str = "sample",
    labelled: bool = False,
    multiple: int | None = None,
    judge: bool = False,
    told: bool = False,
    **changes: object,
) -> Trained:
    """A stand-in for a run of ``task``; ``multiple`` makes its sizes dynamic, ``judge`` gives a ``sample`` model a
    classifier of three classes, a ``told`` translator takes a level, ``changes`` replace fields.
    """
    channels = 1 if task in ("sample", "anomaly") else 3
    tokens = {"input_ids": np.arange(24 * 7).reshape(24, 7) % 50, "attention_mask": np.ones((24, 7), np.int64)}
    examples = Examples(
        pictures(24, channels), labels=np.arange(24, dtype=np.int64) % 3, tokens=tokens if task == "clip" else {}
    )
    names = ("red", "green", "blue") if labelled or judge else ()
    fields: dict[str, Any] = {
        "family": "stand-in",
        "task": task,
        "modules": modules(task, labelled, judge, told),
        "image": ImageSpec(
            height=SIZE,
            width=SIZE,
            channels=channels,  # type: ignore[arg-type]
            dynamic=multiple is not None,
            multiple=multiple or 1,
        ),
        "calibration": examples,
        "held_out": examples,
        "data": (Source(name="Boxes", version="1", licence="MIT", split="24 train / 24 validation"),),
        "data_name": "boxes",
        "data_title": "Boxes",
        "training": {"config": {"width": 24}, "steps": 0, "seed": 0},
        "command": "genhub train stand-in",
        "summary": "Weights of no meaning.\n\nWhat: a net nobody trained.",
        "latent_dim": LATENT if task == "sample" else None,
        "embedding_dim": 8 if task == "clip" else None,
        "class_names": names,
        "labels": names,
        "conditional": labelled,
        "told": told,
        "restores": Damage(kind="gaussian noise", lowest=0, highest=55) if told else None,
    }
    return Trained(**(fields | changes))

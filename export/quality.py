"""What a model is for, as a number on held-out data: the int8 gate asks whether it moved.

One function per task, from runnable graphs to named numbers. Noise, rows and masks are fixed, so two variants are
measured on the same inputs and a difference is the variant's own.
"""

from collections.abc import Mapping

import numpy as np

from export.inputs import CLIP_MEAN, CLIP_STD, box_masks
from export.parity import Run
from export.trained import Trained
from hub.signatures import UNKNOWN_LEVEL
from training.metrics import psnr

Graphs = Mapping[str, Run]

COUNT = 1000
"""Held-out examples at most."""
SAMPLES = 2000
"""Samples at most in a Fréchet distance; no more than there are held-out examples to compare them with."""
KERNEL_SAMPLES = 500
"""Samples in a kernel distance, whose expectation does not depend on how many held-out examples there are."""
CHUNK = 50


def quality(trained: Trained, graphs: Graphs) -> dict[str, float]:
    """The quality of ``graphs`` by name of metric; empty where the task has no yardstick (style transfer has none)."""
    match trained.task:
        case "sample":
            return _sample(trained, graphs)
        case "translate" if trained.held_out.targets is not None:
            images, targets = trained.held_out.images[:COUNT], trained.held_out.targets[:COUNT]
            level = {"level": np.full((*images.shape[:3], 1), UNKNOWN_LEVEL, np.float32)} if trained.told else {}
            found = {"PSNR": psnr(_run(graphs["translator"], image=images, **level)["translated"], targets)}
            if "inverse" in graphs:
                found["PSNR of the inverse"] = psnr(_run(graphs["inverse"], image=targets)["translated"], images)
            return found
        case "inpaint":
            return _inpaint(trained, graphs)
        case "anomaly":
            return _anomaly(trained, graphs)
        case "clip":
            return _clip(trained, graphs)
    return {}


def relative_change(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Signed, relative to ``before``: what ``bundle.json`` keeps as ``metric_delta``."""
    return {name: (after[name] - value) / max(abs(value), 1e-9) for name, value in before.items()}


def _run(run: Run, **feeds: np.ndarray) -> dict[str, np.ndarray]:
    """``run`` in chunks, so that memory stays small."""
    count = len(next(iter(feeds.values())))
    parts = [run({k: v[at : at + CHUNK] for k, v in feeds.items()}) for at in range(0, count, CHUNK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _sample(trained: Trained, graphs: Graphs) -> dict[str, float]:
    """Reconstruction where there is an encoder; samples against held-out images where there is an instrument.

    A kernel distance near zero changes much relative to itself: a model that good keeps int8 only if it barely moves.
    """
    found: dict[str, float] = {}
    held_out = trained.held_out
    labels = _label_feed(trained, min(len(held_out), COUNT))
    if "encoder" in graphs:
        images = held_out.images[:COUNT]
        z = _run(graphs["encoder"], image=images)["z"]
        found["reconstruction PSNR"] = psnr(_run(graphs["decoder"], z=z, **labels)["image"], images)
    if (instrument := trained.instrument) is not None:
        count = KERNEL_SAMPLES if instrument.kernel else min(SAMPLES, len(held_out))
        z = np.random.RandomState(2021).standard_normal((count, trained.latent_dim or 0)).astype(np.float32)
        if "prior" in graphs:
            z = _run(graphs["prior"], noise=z)["z"]
        samples = _run(graphs["decoder"], z=z, **_label_feed(trained, count))["image"]
        name, value = instrument.headline(samples, held_out.images[:count])
        found[name] = value
    return found


def _label_feed(trained: Trained, count: int) -> dict[str, np.ndarray]:
    if not trained.conditional:
        return {}
    labels = trained.held_out.labels
    if labels is None:
        return {"label": np.arange(count, dtype=np.int64) % max(1, len(trained.labels))}
    return {"label": labels[np.arange(count) % len(labels)]}


def _inpaint(trained: Trained, graphs: Graphs) -> dict[str, float]:
    """PSNR within the hole: outside it there is nothing to get wrong."""
    images = trained.held_out.images[:COUNT]
    count, height, width, channels = images.shape
    masks = box_masks(count, height, width, np.random.RandomState(2021))
    painted = _run(graphs["inpainter"], image=images, mask=masks)["inpainted"]
    error = (painted.astype(np.float64) - images) ** 2 * (masks > 127)
    holes = np.count_nonzero(masks) * channels
    return {"hole PSNR": float(10 * np.log10(255.0**2 * holes / max(error.sum(), 1e-9)))}


def _anomaly(trained: Trained, graphs: Graphs) -> dict[str, float]:
    """AUROC of one normal class against the others, averaged over classes; of label > 0 where there is no condition."""
    held_out = trained.held_out
    if held_out.labels is None:
        return {}
    images, labels = held_out.images[:COUNT], held_out.labels[:COUNT]
    if not trained.conditional:
        return {"AUROC": auroc(_run(graphs["detector"], image=images)["score"], labels > 0)}
    found = []
    for normal in np.unique(labels):
        score = _run(graphs["detector"], image=images, label=np.full(len(images), normal, np.int64))["score"]
        found.append(auroc(score, labels != normal))
    return {"AUROC": float(np.mean(found))}


def auroc(score: np.ndarray, anomalous: np.ndarray) -> float:
    """Chance that an anomaly scores above a normal example (Mann-Whitney), ties counted half."""
    bad, good = score[anomalous], np.sort(score[~anomalous])
    below = np.searchsorted(good, bad, "left") + np.searchsorted(good, bad, "right")
    return float(below.sum() / (2 * max(1, bad.size * good.size)))


def _clip(trained: Trained, graphs: Graphs) -> dict[str, float]:
    """Share of held-out captions that are nearest to their own image."""
    held_out = trained.held_out
    if not held_out.tokens:
        return {}
    pixels = ((held_out.images[:COUNT] / np.float32(255) - CLIP_MEAN) / CLIP_STD).transpose(0, 3, 1, 2)
    images = _run(graphs["vision_model"], pixel_values=np.ascontiguousarray(pixels, np.float32))["image_embeds"]
    texts = _run(graphs["text_model"], **{k: v[:COUNT] for k, v in held_out.tokens.items()})["text_embeds"]
    images, texts = (e / np.linalg.norm(e, axis=1, keepdims=True) for e in (images, texts))
    return {"recall@1": float(((texts @ images.T).argmax(1) == np.arange(len(texts))).mean())}

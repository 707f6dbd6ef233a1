"""Graphs that do not speak the contract, run as if they did: an adapter's words (``hub.adapters``) turned into NumPy.

Pixels uint8 [N, H, W, C] go in and come out. On the way they are fitted to a graph of one size (scaled whole, the rest
filled with the edge, cut off again and scaled back), brought into the graph's range, order and layout, and run one by
one where the graph takes no batch. Of an inpainted picture only the hole is taken from the graph: known pixels are
copied as bytes, so they come back bit-exact whatever size the graph has.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from hub.adapters import AdaptedGraph, AdaptedPort, Adapter
from hub.contract import Bundle, VariantName
from hub.errors import BundleError
from hub.runtime.session import Arrays, Session, Signature
from hub.settings import Provider

HOLE = 127.5
"""A mask is hole above, as in the graphs that we export."""


def open_graph(
    folder: Path, bundle: Bundle, variant: VariantName, graph: str, provider: Provider, adapter: Adapter | None = None
) -> "Session | AdaptedSession":
    """A graph of ``bundle``, whose files have been verified, ready to run in the words of the contract.

    Raises:
        ProviderError: this machine does not have ``provider``.
        BundleError: onnxruntime refuses the graph, or it is not what ``adapter`` describes.
    """
    path = folder / bundle.variants[variant].files[graph].path
    session = Session(path, provider, dynamic_sizes=bundle.image.dynamic)
    if adapter is None:
        return session
    return AdaptedSession(session, adapter.graphs[graph], bundle, graph, path.name)


class AdaptedSession:
    """A :class:`Session` behind the contract's ports. ``run`` may be called from many threads at once."""

    def __init__(self, session: Session, words: AdaptedGraph, bundle: Bundle, graph: str, file: str) -> None:
        """Compare what the graph declares with what the adapter says of it.

        Raises:
            BundleError: they differ.
        """
        self._session, self._words, self._graph = session, words, bundle.graphs[graph]
        self._inpaints = bundle.task == "inpaint"
        self._size = next((port.size for port in words.inputs.values() if port.range and port.size), None)
        try:
            self._inputs = {
                key: port
                for key, port in words.inputs.items()
                if _is_there(port, session.inputs) and _agrees(port, session.inputs[port.name])
            }
            for port in words.outputs.values():
                _is_there(port, session.outputs)
                _agrees(port, session.outputs[port.name])
            if unknown := session.inputs.keys() - {port.name for port in self._inputs.values()}:
                raise _UnlikeError(f"it has an input '{min(unknown)}' that the adapter does not know")
        except _UnlikeError as unlike:
            kind = bundle.family
            raise BundleError(f"'{bundle.id}' is no model of the kind {kind}: in {file}, {unlike}.") from None

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """The contract's outputs by name, for ``feeds`` that ``hub.runtime.feeds.check`` has passed.

        Raises:
            RequestError: the graph itself refuses them.
            BundleError: it gives something else than the adapter says.
        """
        count = len(next(iter(feeds.values())))
        step = 1 if self._words.one_at_a_time else count
        parts = [
            self._run({name: each[at : at + step] for name, each in feeds.items()}) for at in range(0, count, step)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        size = next((each.shape[1:3] for name, each in feeds.items() if self._words.inputs[name].range), None)
        fitted = {name: self._fitted(name, each) for name, each in feeds.items()}
        if self._inpaints:  # no pixel under the hole is ever seen
            fitted["image"] = np.where(fitted["mask"] > HOLE, np.uint8(0), fitted["image"])
        answers = self._session.run(
            {
                port.name: _to_graph(fitted[name], port).astype(self._session.inputs[port.name].dtype, copy=False)
                for name, port in self._inputs.items()
            }
        )
        made = {name: self._taken(answers[port.name], port, size) for name, port in self._words.outputs.items()}
        if self._inpaints:
            made["inpainted"] = np.where(feeds["mask"] > HOLE, made["inpainted"], feeds["image"])
        for port in self._graph.outputs:
            if made[port.name].shape[0] != len(next(iter(feeds.values()))) or not _fits(made[port.name], port.shape):
                raise BundleError(f"The graph gave '{port.name}' the shape {list(made[port.name].shape)}.")
        return made

    def _fitted(self, name: str, array: np.ndarray) -> np.ndarray:
        if self._words.inputs[name].range is None:
            return array
        if self._inpaints and name == "mask":
            array = np.where(array > HOLE, np.uint8(255), np.uint8(0))
            return _placed(array, self._size, Image.Resampling.BOX, above=0) if self._size else array
        return _placed(array, self._size, Image.Resampling.LANCZOS) if self._size else array

    def _taken(self, array: np.ndarray, port: AdaptedPort, size: tuple[int, int] | None) -> np.ndarray:
        if port.range is None:
            return np.asarray(array, np.float32) if array.dtype.kind == "f" else array
        pixels = _from_graph(array, port)
        return pixels if size is None or pixels.shape[1:3] == size else _cut_out(pixels, size)


class _UnlikeError(ValueError):
    pass


def _is_there(port: AdaptedPort, declared: dict[str, Signature]) -> bool:
    if port.name not in declared and not port.optional:
        raise _UnlikeError(f"there is no '{port.name}' among {', '.join(declared)}")
    return port.name in declared


def _agrees(port: AdaptedPort, declared: Signature) -> bool:
    """Whether numbers meet the same numbers; a name of either side stands for any. Always true, or else raises."""
    numbers = [(a, b) for a, b in zip(port.shape, declared.shape, strict=False) if isinstance(a, int)]
    if len(declared.shape) != len(port.shape) or any(isinstance(b, int) and a != b for a, b in numbers):
        raise _UnlikeError(f"'{port.name}' has the shape {list(declared.shape)}, not {list(port.shape)}")
    if declared.dtype.kind not in ("f" if port.range else "fi"):
        raise _UnlikeError(f"'{port.name}' holds {declared.dtype}")
    return True


def _fits(array: np.ndarray, shape: tuple[int | str, ...]) -> bool:
    return array.ndim == len(shape) and all(
        isinstance(size, str) or size == got for size, got in zip(shape, array.shape, strict=True)
    )


def _ends(port: AdaptedPort, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Where 0 and where 255 lies, float32 [channels] each."""
    low, high = np.broadcast_to(np.array(port.spans, np.float32), (channels, 2)).T
    return low, high


def _to_graph(array: np.ndarray, port: AdaptedPort) -> np.ndarray:
    """uint8 [N, H, W, C] as the graph takes it; what is no picture stays as it is."""
    if port.range is None:
        return array
    low, high = _ends(port, array.shape[-1])
    values = array.astype(np.float32) / 255 * (high - low) + low
    if port.channels == "BGR":
        values = values[..., ::-1]
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if port.layout == "NCHW" else values)


def _from_graph(array: np.ndarray, port: AdaptedPort) -> np.ndarray:
    """What the graph gives as uint8 [N, H, W, C]. Values beyond the range, which such nets do give, are cut off."""
    if array.ndim != 4:
        raise BundleError(f"The graph gave '{port.name}' {array.ndim} dimensions instead of 4.")
    values = np.asarray(array, np.float32)
    values = values.transpose(0, 2, 3, 1) if port.layout == "NCHW" else values
    if port.channels == "BGR":
        values = values[..., ::-1]
    low, high = _ends(port, values.shape[-1])
    levels = np.nan_to_num((values - low) / (high - low) * 255)
    return np.ascontiguousarray(levels.round().clip(0, 255).astype(np.uint8))


def _scaled(size: tuple[int, int], room: tuple[int, int]) -> tuple[int, int]:
    """The largest size with the proportions of ``size`` that has room in ``room``."""
    scale = min(room[0] / size[0], room[1] / size[1])
    return max(1, min(room[0], round(size[0] * scale))), max(1, min(room[1], round(size[1] * scale)))


def _placed(images: np.ndarray, room: tuple[int, int], how: Image.Resampling, above: int | None = None) -> np.ndarray:
    """uint8 [N, H, W, C] scaled whole into the upper left of ``room``, the rest filled with its edge. With ``above``, a
    mask: white where any of it is above that, and black beside it.
    """
    height, width = _scaled(images.shape[1:3], room)
    images = _resized(images, (height, width), how)
    rest = ((0, 0), (0, room[0] - height), (0, room[1] - width), (0, 0))
    if above is None:
        return np.pad(images, rest, mode="edge")
    return np.pad(np.where(images > above, np.uint8(255), np.uint8(0)), rest)


def _cut_out(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What :func:`_placed` put into the room of ``images``, at its own ``size`` again."""
    height, width = _scaled(size, images.shape[1:3])
    return _resized(images[:, :height, :width], size, Image.Resampling.LANCZOS)


def _resized(images: np.ndarray, size: tuple[int, int], how: Image.Resampling) -> np.ndarray:
    if images.shape[1:3] == size:
        return images
    planes = [
        [np.asarray(Image.fromarray(plane).resize((size[1], size[0]), how)) for plane in image.transpose(2, 0, 1)]
        for image in images
    ]
    return np.stack([np.stack(image, axis=-1) for image in planes])

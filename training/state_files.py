"""Any `state_dict` as a safetensors file plus JSON: no pickle, so that opening a checkpoint never runs code.

A tree of dicts, lists, tuples, scalars and tensors is written as the same tree in JSON in which every tensor is
replaced by a reference to its name in the safetensors file. Python's JSON writes floats such that they read back
bit for bit.
"""

from typing import Any

import torch
from torch import Tensor

TENSOR, TUPLE, PAIRS = "$tensor", "$tuple", "$pairs"


def flatten_state(state: Any, prefix: str) -> tuple[Any, dict[str, Tensor]]:
    """Split `state` into a JSON tree and the tensors it refers to, which get names under `prefix`."""
    tensors: dict[str, Tensor] = {}

    def visit(value: Any, name: str) -> Any:
        if isinstance(value, Tensor):
            # A copy of its own: safetensors refuses memory that two tensors share.
            tensors[name] = value.detach().to("cpu", copy=True).contiguous()
            return {TENSOR: name}
        if isinstance(value, dict):
            if all(isinstance(key, str) for key in value):
                return {key: visit(child, f"{name}.{key}") for key, child in value.items()}
            return {PAIRS: [[key, visit(child, f"{name}.{key}")] for key, child in value.items()]}
        if isinstance(value, list | tuple):
            children = [visit(child, f"{name}.{index}") for index, child in enumerate(value)]
            return {TUPLE: children} if isinstance(value, tuple) else children
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise TypeError(f"{name} is a {type(value).__name__}, which a checkpoint cannot hold")

    return visit(state, prefix), tensors


def unflatten_state(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """The state that `flatten_state` took apart. Raises KeyError when a tensor is missing."""
    if isinstance(tree, list):
        return [unflatten_state(child, tensors) for child in tree]
    if not isinstance(tree, dict):
        return tree
    if TENSOR in tree:
        return tensors[tree[TENSOR]]
    if TUPLE in tree:
        return tuple(unflatten_state(child, tensors) for child in tree[TUPLE])
    if PAIRS in tree:
        return {key: unflatten_state(child, tensors) for key, child in tree[PAIRS]}
    return {key: unflatten_state(child, tensors) for key, child in tree.items()}


def match_layouts(optimizer: torch.optim.Optimizer) -> None:
    """Give the optimizer's loaded tensors the memory layout of their parameters.

    safetensors stores contiguous tensors; moments of channels_last weights would come back in another order in memory,
    where vectorised kernels round differently, and the resumed run would drift from the uninterrupted one.
    """
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)

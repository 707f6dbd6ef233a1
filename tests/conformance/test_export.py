"""Every family: train ``smoke``, export, and the bundle keeps what the contract promises. New families come free."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from export.graphs import wrap
from export.inputs import Inputs
from export.parity import BATCHES, compare, refusal
from export.run import read_run
from export.to_onnx import DENIED, MAX_IR_VERSION, operators
from export.variants import open_session
from hub.contract import read_bundle
from training.family import FAMILIES

pytestmark = pytest.mark.parametrize("family", FAMILIES)


def test_every_variant_is_inside_its_gate_at_batch_one_two_and_five(
    family: str, smoke_run: Callable[[str], Path], exported: Callable[[str], Path]
) -> None:
    trained, folder = read_run(smoke_run(family)), exported(family)
    bundle = read_bundle(folder)
    graphs = wrap(trained.task, trained.modules, trained.sizes, trained.optional_inputs)
    inputs = Inputs(trained, trained.held_out, graphs)
    for variant, made in bundle.variants.items():
        for name, graph in graphs.items():
            feeds = [inputs.draw(graph.ports, batch, seed=100 + batch) for batch in BATCHES]
            if trained.image.dynamic:
                side = trained.image.height + trained.image.multiple
                feeds.append(inputs.draw(graph.ports, 2, seed=200, size=(side, side)))
            path = made.files[name].path
            gate = "fp32" if path == bundle.variants["fp32"].files[name].path else variant
            found = compare(graph.ports, graph.run, open_session((folder / path).read_bytes()), feeds)
            assert refusal(gate, graph.ports, found) is None, (variant, name, found)


def test_no_graph_holds_a_denied_operator_or_weights_outside(family: str, exported: Callable[[str], Path]) -> None:
    folder = exported(family)
    for path in (folder / "onnx").iterdir():
        model = onnx.load(path, load_external_data=False)
        used = operators(model)
        assert not {name for domain, name in used if domain or name in DENIED}, path.name
        assert all(tensor.data_location != onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer)
        assert model.ir_version <= MAX_IR_VERSION
        onnx.checker.check_model(model, full_check=True)


def test_golden_outputs_come_back_from_fp32(family: str, exported: Callable[[str], Path]) -> None:
    folder = exported(family)
    bundle, golden = read_bundle(folder), np.load(folder / "golden.npz")
    for name, graph in bundle.graphs.items():
        feeds = {port.name: golden[f"{name}/{port.name}"] for port in graph.inputs}
        expected = {port.name: golden[f"{name}/{port.name}"] for port in graph.outputs}
        run = open_session((folder / bundle.variants["fp32"].files[name].path).read_bytes())
        assert refusal("fp32", graph, compare(graph, lambda _, e=expected: e, run, [feeds])) is None  # type: ignore[misc]


def test_the_bundle_knows_where_it_came_from_but_not_on_which_machine(
    family: str, smoke_run: Callable[[str], Path], exported: Callable[[str], Path]
) -> None:
    folder = exported(family)
    bundle = read_bundle(folder)
    assert bundle.family == family and bundle.data[0].licence and bundle.training["config"]
    for secret in (str(Path(__file__).parents[2]), str(smoke_run(family)), str(folder)):
        for path in folder.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), (path.name, secret)

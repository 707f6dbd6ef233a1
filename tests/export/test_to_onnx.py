"""The ONNX files: what is in them, and what must not be."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn

from export import variants
from export.errors import ExportError
from export.graphs import Wrapped, wrap
from export.inputs import Inputs
from export.parity import compare, refusal
from export.to_onnx import DENIED, MAX_IR_VERSION, OPSET, check, operators, runs_in_browser, strip, to_bytes, to_onnx
from export.trained import Trained
from export.variants import open_session
from hub.contract import TASKS
from tests.export.stand_ins import trained


def wrapped(subject: Trained) -> dict[str, Wrapped]:
    return wrap(subject.task, subject.modules, subject.sizes, subject.optional_inputs)


@pytest.mark.parametrize(
    ("task", "multiple", "also"),
    [
        *((task, None, "") for task in TASKS),
        ("sample", None, "labelled"),
        ("sample", None, "judge"),
        ("translate", 4, ""),
        ("translate", None, "told"),
        ("translate", 4, "told"),
        ("stylize", 1, ""),
    ],
)
def test_every_task_exports_and_equals_pytorch_at_any_batch_and_size(
    task: str, multiple: int | None, also: str
) -> None:
    subject = trained(task, also == "labelled", multiple, also == "judge", also == "told")
    graphs = wrapped(subject)
    inputs = Inputs(subject, subject.held_out, graphs)
    for graph in graphs.values():
        model = to_onnx(graph, inputs.draw(graph.ports, 2), subject.image.multiple)
        check(model)
        assert runs_in_browser(model)
        sizes = [None] if multiple is None else [None, (16 + 2 * multiple, 16 + 8 * multiple)]
        feeds = [inputs.draw(graph.ports, batch, batch, size) for batch in (1, 2, 5) for size in sizes]
        found = compare(graph.ports, graph.run, open_session(to_bytes(model)), feeds)
        assert refusal("fp32", graph.ports, found) is None, (graph.name, found)


@pytest.fixture(scope="module")
def decoder() -> onnx.ModelProto:
    return exported_decoder()


def exported_decoder() -> onnx.ModelProto:
    subject = trained(labelled=True)
    graphs = wrapped(subject)
    return to_onnx(graphs["decoder"], Inputs(subject, subject.held_out, graphs).draw(graphs["decoder"].ports, 2))


def test_no_machine_path_or_stack_trace_is_left_in_the_file(decoder: onnx.ModelProto) -> None:
    content = to_bytes(decoder)
    here = str(Path(__file__).resolve().parents[2]).encode()
    for trace in (here, b"/home", b"site-packages", b".py", b'File "', b"torch.nn", b"stack_trace", b"pkg."):
        assert trace not in content, trace
    assert not re.search(rb"line \d+", content)


def test_the_same_weights_give_the_same_bytes(decoder: onnx.ModelProto) -> None:
    assert to_bytes(exported_decoder()) == to_bytes(decoder)


def test_the_file_is_of_the_pinned_opset_and_an_old_enough_ir(decoder: onnx.ModelProto) -> None:
    assert [(entry.domain, entry.version) for entry in decoder.opset_import] == [("", OPSET)]
    assert decoder.ir_version <= MAX_IR_VERSION


def test_weights_are_inside_the_file(decoder: onnx.ModelProto) -> None:
    assert all(tensor.data_location != TensorProto.EXTERNAL for tensor in decoder.graph.initializer)
    assert sum(len(tensor.raw_data) for tensor in decoder.graph.initializer) > 10_000


def test_ports_carry_the_contracts_names_and_sizes(decoder: onnx.ModelProto) -> None:
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*decoder.graph.input, *decoder.graph.output)
    }
    assert shapes == {"z": ["batch", 6], "label": ["batch"], "image": ["batch", 16, 16, 1]}


def small_model(operator: str, domain: str = "", **attributes: Any) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in "xy")
    node = helper.make_node(operator, ["x"], ["y"], domain=domain, **attributes)
    imports = [helper.make_opsetid("", OPSET)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(helper.make_graph([node], "small", [x], [y]), opset_imports=imports, ir_version=10)


def test_randomness_in_the_graph_is_refused() -> None:
    with pytest.raises(ExportError, match="RandomNormalLike"):
        check(small_model("RandomNormalLike"))


def test_a_denied_operator_passes_where_the_family_declares_it() -> None:
    check(small_model("RandomNormalLike"), declared={"RandomNormalLike"})


def test_another_domain_is_refused_even_if_declared() -> None:
    with pytest.raises(ExportError, match=r"com\.microsoft\.Gelu"):
        check(small_model("Gelu", domain="com.microsoft"), declared={"Gelu"})


def test_a_denied_operator_hidden_in_control_flow_is_found() -> None:
    inner = helper.make_graph(
        [helper.make_node("RandomNormal", [], ["n"], shape=[1, 4])],
        "inner",
        [],
        [helper.make_tensor_value_info("n", TensorProto.FLOAT, [1, 4])],
    )
    model = small_model("Identity")
    model.graph.node.append(helper.make_node("If", ["c"], ["m"], then_branch=inner, else_branch=inner))
    assert {("", "If"), ("", "RandomNormal")} <= operators(model)
    with pytest.raises(ExportError):
        check(model, declared={"If"})


def test_external_weights_are_refused() -> None:
    model = small_model("Identity")
    tensor = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    tensor.data_location = TensorProto.EXTERNAL
    model.graph.initializer.append(tensor)
    with pytest.raises(ExportError, match="outside its file"):
        check(model)


def test_invalid_onnx_is_refused() -> None:
    with pytest.raises(ExportError, match="not valid ONNX"):
        check(small_model("Conv"))


def test_an_operator_nobody_saw_in_a_browser_makes_no_web_promise() -> None:
    assert runs_in_browser(small_model("Relu"))
    assert not runs_in_browser(small_model("NonZero"))
    assert not runs_in_browser(small_model("Gelu", domain="com.microsoft"))
    assert all(not runs_in_browser(small_model(operator)) for operator in DENIED)


def test_strip_takes_every_note_out() -> None:
    model = small_model("Relu")
    model.doc_string = model.graph.doc_string = model.graph.node[0].doc_string = "a/secret/path.py"
    model.graph.node[0].metadata_props.add(key="trace", value="a/secret/path.py")
    strip(model)
    assert b"secret" not in to_bytes(model)


class RandomDecoder(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return (z + torch.randn_like(z)).reshape(-1, 1, 2, 3).tanh()


def test_a_family_with_noise_inside_is_refused_before_anything_is_written() -> None:
    sizes = {"latent": 6, "height": 2, "width": 3, "channels": 1}
    subject = trained(modules={"decoder": RandomDecoder()})
    graphs = wrap("sample", subject.modules, sizes)
    with pytest.raises(ExportError, match=r"uses Random\w+, which bundles do without"):
        variants.build(subject, graphs)


class Unexportable(nn.Module):
    def forward(self, z: Tensor) -> Tensor:
        return torch.from_numpy(np.asarray(z.tolist())).float().reshape(-1, 1, 2, 3)


def test_what_cannot_be_exported_is_one_sentence() -> None:
    sizes = {"latent": 6, "height": 2, "width": 3, "channels": 1}
    graph = wrap("sample", {"decoder": Unexportable()}, sizes)["decoder"]
    with pytest.raises(ExportError, match="'decoder' cannot be exported to ONNX") as caught:
        to_onnx(graph, {"z": np.zeros((2, 6), np.float32)})
    assert "\n" not in str(caught.value)


def test_a_size_that_differs_from_the_config_is_refused() -> None:
    subject = trained()
    graph = wrap("sample", subject.modules, subject.sizes | {"height": 99})["decoder"]
    with pytest.raises(ExportError, match="has the size 16 where the run's config says 99"):
        to_onnx(graph, {"z": np.zeros((2, 6), np.float32)})

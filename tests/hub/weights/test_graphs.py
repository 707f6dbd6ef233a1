"""``hub.weights.graphs``: what an ONNX file may hold is seen without the ``onnx`` package, wherever it hides."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hub.catalog import EMBEDDED
from hub.errors import BundleError
from hub.weights import graphs
from tests.hub.sentence import sentence

MESSAGES: dict[str, Any] = {
    "Model": onnx.ModelProto,
    "Training": onnx.TrainingInfoProto,
    "Graph": onnx.GraphProto,
    "Function": onnx.FunctionProto,
    "Node": onnx.NodeProto,
    "Attribute": onnx.AttributeProto,
    "SparseTensor": onnx.SparseTensorProto,
    "Tensor": onnx.TensorProto,
}


def value(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch"])


def save(path: Path, *nodes: onnx.NodeProto, tensors: tuple[onnx.TensorProto, ...] = (), **more: object) -> Path:
    graph = helper.make_graph(list(nodes), "g", [value("x")], [value("y")], list(tensors))
    path.write_bytes(helper.make_model(graph, **more).SerializeToString())
    return path


def elsewhere(name: str = "w") -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(3, np.float32), name)
    onnx.external_data_helper.set_external_data(tensor, "/etc/passwd")
    tensor.ClearField("raw_data")
    return tensor


def refusal(path: Path) -> str:
    with pytest.raises(BundleError) as refused:
        graphs.check_graph(path, "onnx/g.onnx", "theirs")
    return sentence(refused.value)


def branch(tensor: onnx.TensorProto | None = None, domain: str = "") -> onnx.GraphProto:
    out = [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)]
    return helper.make_graph(
        [helper.make_node("Relu", ["x"], ["b"], domain=domain)], "b", [], out, [tensor] if tensor else []
    )


def test_the_table_of_messages_is_onnx_s_own() -> None:
    """Every field through which a tensor or an operator can be reached is walked."""
    inner = {kind.DESCRIPTOR.name: name for name, kind in MESSAGES.items()}
    for name, kind in MESSAGES.items():
        reached = {
            each.number: inner[each.message_type.name]
            for each in kind.DESCRIPTOR.fields
            if each.message_type is not None and each.message_type.name in inner
        }
        assert graphs.CHILDREN[name] == reached
    assert onnx.NodeProto.DESCRIPTOR.fields_by_name["domain"].number == graphs.NODE_DOMAIN
    assert onnx.TensorProto.DESCRIPTOR.fields_by_name["external_data"].number == graphs.TENSOR_EXTERNAL_DATA
    assert onnx.TensorProto.DESCRIPTOR.fields_by_name["data_location"].number == graphs.TENSOR_DATA_LOCATION


@pytest.mark.parametrize("path", sorted(EMBEDDED.rglob("*.onnx")), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_what_we_ship_passes(path: Path) -> None:
    graphs.check_graph(path, path.name, "ours")


def test_the_word_location_in_a_name_is_no_crime(tmp_path: Path) -> None:
    graphs.check_graph(save(tmp_path / "g.onnx", helper.make_node("Relu", ["x"], ["y"], name="location")), "g", "ours")


@pytest.mark.parametrize("where", ["initializer", "constant", "list", "branch", "sparse", "function", "training"])
def test_weights_in_another_file_are_seen_wherever_they_hide(where: str, tmp_path: Path) -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    holder = helper.make_node("Constant", [], ["c"])
    more: dict[str, object] = {}
    tensors: tuple[onnx.TensorProto, ...] = ()
    nodes = [relu]
    match where:
        case "initializer":
            tensors = (elsewhere(),)
        case "constant":
            holder.attribute.append(onnx.AttributeProto(name="value", type=onnx.AttributeProto.TENSOR, t=elsewhere()))
            nodes.append(holder)
        case "list":
            holder.attribute.append(
                onnx.AttributeProto(name="v", type=onnx.AttributeProto.TENSORS, tensors=[elsewhere()])
            )
            nodes.append(holder)
        case "branch":
            nodes.append(helper.make_node("If", ["x"], ["i"], then_branch=branch(), else_branch=branch(elsewhere())))
        case "sparse":
            sparse = onnx.SparseTensorProto(values=elsewhere(), dims=[3])
            holder.attribute.append(
                onnx.AttributeProto(name="v", type=onnx.AttributeProto.SPARSE_TENSOR, sparse_tensor=sparse)
            )
            nodes.append(holder)
        case "function":
            holder.attribute.append(onnx.AttributeProto(name="value", type=onnx.AttributeProto.TENSOR, t=elsewhere()))
            opset = [helper.make_opsetid("", 18)]
            more["functions"] = [helper.make_function("", "F", [], ["c"], [holder], opset)]
    path = save(tmp_path / "g.onnx", *nodes, tensors=tensors, **more)
    if where == "training":
        model = onnx.load_model_from_string(path.read_bytes())
        model.training_info.add().algorithm.CopyFrom(branch(elsewhere()))
        path.write_bytes(model.SerializeToString())
    assert "onnx/g.onnx keeps weights in another file" in refusal(path)


@pytest.mark.parametrize("where", ["node", "branch"])
def test_a_custom_domain_is_named(where: str, tmp_path: Path) -> None:
    theirs = helper.make_node("Relu", ["x"], ["y"], domain="com.evil")
    if where == "branch":
        theirs = helper.make_node("If", ["x"], ["y"], then_branch=branch(), else_branch=branch(domain="com.evil"))
    assert "custom domain 'com.evil'" in refusal(save(tmp_path / "g.onnx", theirs))


def test_graphs_nested_without_end_are_refused(tmp_path: Path) -> None:
    inner = branch()
    for _ in range(25):  # protobuf itself stops at a hundred messages, which is some thirty graphs
        node = helper.make_node("If", ["x"], ["b"], then_branch=inner)
        inner = helper.make_graph([node], "b", [], [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)])
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner)
    assert "nests its graphs" in refusal(save(tmp_path / "g.onnx", node))


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"PK\x03\x04 a zip", b"\x80\x04\x95 a pickle", b"\x3a\xff\xff\x03ab"]
)
def test_what_is_no_graph_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "g.onnx").write_bytes(content)
    assert "is no ONNX graph" in refusal(tmp_path / "g.onnx")


@given(content=st.binary(max_size=200))
def test_no_bytes_make_it_stumble(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    try:
        graphs.check_graph(path, "onnx/g.onnx", "theirs")
    except BundleError as refused:
        sentence(refused)


def test_the_numbers_of_its_messages_are_onnx_s_own() -> None:
    fields = {kind: kind.DESCRIPTOR.fields_by_name for kind in (onnx.ModelProto, onnx.GraphProto, onnx.TensorProto)}
    assert fields[onnx.ModelProto]["ir_version"].number == graphs.MODEL_IR_VERSION
    assert fields[onnx.ModelProto]["opset_import"].number == graphs.MODEL_OPSET
    assert fields[onnx.GraphProto]["initializer"].number == graphs.GRAPH_INITIALIZER
    assert fields[onnx.TensorProto]["dims"].number == graphs.TENSOR_DIMS
    assert fields[onnx.TensorProto]["data_type"].number == graphs.TENSOR_TYPE
    names = {"FLOAT", "UINT8", "INT8", "FLOAT16", "BFLOAT16"}
    assert {TensorProto.DataType.Name(kind) for kind in graphs.WEIGHT_TYPES} == names


@pytest.mark.parametrize("path", sorted(EMBEDDED.rglob("*.onnx")), ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_what_a_file_says_of_itself_is_read_as_onnx_reads_it(path: Path) -> None:
    model = onnx.load(path)
    about = graphs.look_into(path)
    assert about.ir_version == model.ir_version
    assert about.opset == next(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))
    weights = [each for each in model.graph.initializer if each.data_type in graphs.WEIGHT_TYPES]
    assert about.parameters == sum(int(np.prod(each.dims)) for each in weights)


@pytest.mark.parametrize("dims", [[10**18], [10**6] * 40, [-1], [0]])
def test_a_tensor_that_lies_about_its_size_counts_for_no_more_than_its_bytes(dims: list[int], tmp_path: Path) -> None:
    tensor = TensorProto(dims=dims, data_type=TensorProto.FLOAT, raw_data=b"\0" * 12, name="w")
    path = save(tmp_path / "g.onnx", helper.make_node("Add", ["x", "w"], ["y"]), tensors=(tensor,))
    assert 0 <= graphs.look_into(path).parameters < 1000

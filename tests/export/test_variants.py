"""The precisions: what is shipped, what is not, and that the reason is told."""

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export import variants
from export.bundle import Written
from export.errors import ExportError
from export.graphs import wrap
from export.inputs import Inputs
from export.parity import compare
from export.to_onnx import operators, to_bytes, to_onnx
from export.trained import Examples, Trained
from export.variants import Plan, Variants, open_session, quantise
from tests.export.stand_ins import Convolutions, Decoder, trained


def build(subject: Trained, *wanted: str) -> Variants:
    graphs = wrap(subject.task, subject.modules, subject.sizes, subject.optional_inputs)
    return variants.build(subject, graphs, wanted)  # type: ignore[arg-type]


def operator_counts(model: onnx.ModelProto) -> Mapping[str, int]:
    names = [node.op_type for node in model.graph.node]
    return {name: names.count(name) for name in names}


class Drifting(Decoder):
    """Paints brighter when it is exported than when it is run: an exporter's mistake, made for real."""

    def forward(self, z: Tensor) -> Tensor:
        brighter = 0.2 if torch.compiler.is_exporting() else 0.0
        return super().forward(z) + brighter


def test_an_export_that_differs_from_pytorch_is_refused() -> None:
    with pytest.raises(
        ExportError, match=r"No bundle was written: .* 'decoder' differs from PyTorch; pixels are up to"
    ):
        build(trained(modules={"decoder": Drifting()}), "fp32")


def test_all_three_variants_of_a_good_model_pass(written: Written) -> None:
    assert set(written.bundle.variants) == {"fp32", "fp16", "int8"}
    sizes = {name: sum(f.bytes for f in v.files.values()) for name, v in written.bundle.variants.items()}
    assert sizes["int8"] < sizes["fp32"] and sizes["fp16"] < 0.75 * sizes["fp32"]


def test_fp16_computes_in_half_and_talks_as_fp32_does(written: Written) -> None:
    files = written.bundle.variants["fp16"].files
    model = onnx.load(written.folder / files["encoder"].path)
    weights = [t for t in model.graph.initializer if t.name.endswith("weight")]
    assert weights and all(t.data_type == onnx.TensorProto.FLOAT16 for t in weights)
    assert model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


class Overflowing(Convolutions):
    """Fine in float32; beyond the largest half on the way."""

    def forward(self, *planes: Tensor) -> Tensor:
        return super().forward(*planes) * 1e7 / 1e7


def test_a_graph_that_breaks_in_half_precision_keeps_fp32() -> None:
    encoder = nn.Sequential(Overflowing(1, 4), nn.Flatten(), nn.Linear(1024, 6))
    made = build(trained(modules=dict(trained().modules) | {"encoder": encoder}), "fp16")
    assert made.built["fp16"].graphs["encoder"].variant == "fp32"
    assert made.built["fp16"].graphs["decoder"].variant == "fp16"
    assert any(sentence.startswith("fp16: the graph 'encoder' stays fp32, since") for sentence in made.refused)


def test_a_variant_in_which_nothing_is_left_is_not_shipped() -> None:
    made = build(trained("translate", modules={"translator": Overflowing(3, 3)}), "fp16")
    assert set(made.built) == {"fp32"}
    assert "fp16 is not shipped, since none of its graphs passed." in made.refused


def calibrated(subject: Trained) -> tuple[bytes, dict[str, np.ndarray]]:
    graphs = wrap(subject.task, subject.modules, subject.sizes, subject.optional_inputs)
    graph = graphs["translator"]
    inputs = Inputs(subject, subject.calibration, graphs)
    return to_bytes(to_onnx(graph, inputs.draw(graph.ports, 2))), inputs.draw(graph.ports, 16)


@pytest.mark.parametrize(("float_tail", "in_int8"), [(1, [False, True, True, False]), (2, [False, True, False, False])])
def test_int8_leaves_the_first_and_the_last_layers_float(float_tail: int, in_int8: list[bool]) -> None:
    fp32, feeds = calibrated(trained("translate", modules={"translator": Convolutions(3, 3)}))
    model = quantise(fp32, feeds, Plan(("Conv",), float_tail))
    assert model is not None
    made_by = {output: node for node in model.graph.node for output in node.output}
    layers = [node for node in model.graph.node if node.op_type == "Conv"]
    from_int8 = [node.input[1] in made_by and made_by[node.input[1]].op_type == "DequantizeLinear" for node in layers]
    assert from_int8 == in_int8
    assert all(domain == "" for domain, _ in operators(model))
    assert b"/tmp" not in to_bytes(model)


@pytest.mark.parametrize("percentile", [None, 99.99])
def test_int8_is_the_same_for_the_same_weights_and_images(percentile: float | None) -> None:
    fp32, feeds = calibrated(trained("translate", modules={"translator": Convolutions(3, 3)}))
    first, second = (quantise(fp32, feeds, Plan(("Conv",), percentile=percentile)) for _ in range(2))
    assert first is not None and second is not None
    assert to_bytes(first) == to_bytes(second)


def test_nothing_is_quantised_where_nothing_lies_between_first_and_last() -> None:
    fp32, feeds = calibrated(trained("translate", modules={"translator": nn.Conv2d(3, 3, 1)}))
    assert quantise(fp32, feeds, Plan(("Conv",))) is None


class Peaked(nn.Module):
    """One value in thousands is far beyond all others, and of no consequence."""

    peak: Tensor

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.last = nn.Conv2d(3, 64, 3, padding=1), nn.Conv2d(64, 3, 3, padding=1)
        middle = [nn.Conv2d(64, 64, 3, padding=1) for _ in range(2)]
        middle[0].weight.data[:, 0] = 0
        self.middle = nn.ModuleList(middle)
        peak = torch.zeros(1, 64, 16, 16)
        peak[0, 0, 8, 8] = 300
        self.register_buffer("peak", peak)

    def forward(self, image: Tensor) -> Tensor:
        seen = self.first(image) + self.peak
        for layer in self.middle:
            seen = layer(seen).relu()
        return torch.tanh(4 * self.last(seen))


def test_where_rare_extremes_spoil_int8_they_are_clipped(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = trained("translate").held_out.images
    wanted = Examples(pictures, targets=pictures)  # or int8 would have no measure of quality to be held to
    subject = trained("translate", modules={"translator": Peaked()}, held_out=wanted)
    graph = wrap("translate", subject.modules, subject.sizes)["translator"]
    fp32, feeds = calibrated(subject)
    psnr = {}
    for percentile in (None, 99.99):
        model = quantise(fp32, feeds, Plan(("Conv",), percentile=percentile))
        assert model is not None
        psnr[percentile] = compare(graph.ports, graph.run, open_session(to_bytes(model)), [feeds]).parity.psnr_db or 0
    assert psnr[None] < 30 < psnr[99.99]
    shipped = build(subject, "int8").built["int8"].graphs["translator"]
    assert shipped.variant == "int8" and (shipped.parity.psnr_db or 0) > 30
    assert capsys.readouterr().out == "", "ONNX Runtime prints how its histograms come on"


class Steep(nn.Module):
    """A few pixels of a wide range decide between black and white: int8 cannot hold this."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1),
            nn.Conv2d(32, 3, 3, padding=1),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Tensor:
        return (self.body(image) * 200).sin()


def test_int8_below_its_psnr_is_not_shipped_and_says_so() -> None:
    made = build(trained("translate", modules={"translator": Steep()}), "int8")
    assert set(made.built) == {"fp32"}
    assert any("dB (the gate: 33 dB)" in sentence for sentence in made.refused)


def test_int8_without_a_measure_of_quality_is_not_shipped() -> None:
    made = build(trained("swap"), "int8")
    assert set(made.built) == {"fp32"}
    assert any("no measure of quality" in sentence for sentence in made.refused)


def test_int8_that_does_its_task_differently_is_not_shipped() -> None:
    bold = Convolutions(3, 3)
    for weight in bold.parameters():
        weight.data *= 2  # untrained weights hardly move a pixel
    subject = trained("translate", modules={"translator": bold})
    # Ground truth right beside what fp32 answers: int8's own error then is most of the whole.
    graph = wrap("translate", subject.modules, subject.sizes)["translator"]
    answer = graph.run({"image": subject.held_out.images})["translated"]
    examples = Examples(subject.held_out.images, targets=answer ^ np.uint8(1))
    made = build(trained("translate", modules=subject.modules, held_out=examples), "int8")
    assert set(made.built) == {"fp32"}
    assert any("PSNR changes by" in sentence and "(the gate: 2% either way)" in sentence for sentence in made.refused)


def test_sessions_run_on_plain_cpu_at_any_batch(written: Written) -> None:
    path = written.folder / written.bundle.variants["fp32"].files["prior"].path
    run = open_session(path.read_bytes())
    assert run({"noise": np.zeros((3, 6), np.float32)})["z"].shape == (3, 6)

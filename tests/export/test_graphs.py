"""The wrappers: what a client's bytes become, and what comes back."""

import inspect

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.errors import ExportError
from export.graphs import WITH, WRAPPERS, Decoder, Inpainter, Stylizer, ToldTranslator, Translator, wrap
from hub.contract import TASKS
from tests.export.stand_ins import modules, pictures, trained


class Fixed(nn.Module):
    """Answers with the planes it was given, whatever it is asked."""

    def __init__(self, planes: Tensor) -> None:
        super().__init__()
        self.planes = planes

    def forward(self, *_: Tensor) -> Tensor:
        return self.planes


class Recording(nn.Module):
    """Answers with its first input and remembers all of them."""

    def forward(self, *inputs: Tensor) -> Tensor:
        self.seen = inputs
        return inputs[0]


def test_every_graph_of_the_contract_has_a_wrapper_with_its_inputs_in_order() -> None:
    for task, graphs in TASKS.items():
        for name, graph in graphs.items():
            plain = WRAPPERS[task, name]
            required = [port.name for port in graph.inputs if not port.optional]
            assert list(inspect.signature(plain.forward).parameters)[1:] == required
            kind = plain
            for port in graph.inputs:
                kind = WITH[kind, port.name] if port.optional else kind
            assert list(inspect.signature(kind.forward).parameters)[1:] == [port.name for port in graph.inputs]


def test_every_byte_survives_the_way_in_and_out() -> None:
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1)
    assert torch.equal(Translator(nn.Identity())(levels), levels)


def test_pixels_are_rounded_half_to_even() -> None:
    below = torch.arange(255.0)
    planes = ((below + 0.5) / 127.5 - 1).reshape(1, 1, 1, 255)
    exact = ((planes.flatten() + 1) * 127.5) == below + 0.5  # where float32 does hold the half
    assert exact.sum() > 20
    rounded = Decoder(Fixed(planes))(torch.zeros(1, 2)).flatten()
    assert torch.equal(rounded[exact].float(), (below + below % 2)[exact])


def test_pixels_beyond_the_range_are_clipped() -> None:
    planes = torch.tensor([-9.0, -1.001, 1.001, 9.0]).reshape(1, 1, 1, 4)
    assert Decoder(Fixed(planes))(torch.zeros(1, 2)).flatten().tolist() == [0, 0, 255, 255]


def test_the_model_sees_channels_first_from_minus_one_to_one() -> None:
    inner = Recording()
    image = torch.tensor([[[[0, 128, 255]]]], dtype=torch.uint8)
    Translator(inner)(image)
    (planes,) = inner.seen
    assert planes.shape == (1, 3, 1, 1)
    assert planes.flatten().tolist() == pytest.approx([-1, 128 / 127.5 - 1, 1], abs=1e-6)


def test_a_level_reaches_the_model_as_it_is_in_a_plane_of_its_own() -> None:
    inner = Recording()
    level = torch.tensor([-1.0, 0.0, 25.5, 255.0]).reshape(1, 2, 2, 1)
    ToldTranslator(inner)(torch.zeros(1, 2, 2, 3, dtype=torch.uint8), level)
    _, plane = inner.seen
    assert plane.shape == (1, 1, 2, 2) and plane.flatten().tolist() == [-1, 0, 25.5, 255]


def test_known_pixels_come_back_bit_exact() -> None:
    image = torch.from_numpy(pictures(2, 3))
    mask = torch.zeros(2, 16, 16, 1, dtype=torch.uint8)
    mask[:, 4:9, 3:12] = 255
    painted = Inpainter(Fixed(torch.full((2, 3, 16, 16), 0.123)))(image, mask)
    known = mask.expand_as(image) == 0
    assert torch.equal(painted[known], image[known])
    assert (painted[~known] == painted[~known][0]).all()


def test_255_is_the_hole_and_nothing_under_it_reaches_the_model() -> None:
    inner = Recording()
    wrapper = Inpainter(lambda image, hole: inner(image, hole))  # type: ignore[arg-type]
    image = torch.from_numpy(pictures(1, 3))
    mask = torch.zeros(1, 16, 16, 1, dtype=torch.uint8)
    mask[:, :8] = 255
    first = wrapper(image, mask)
    seen, hole = inner.seen
    assert (hole[:, :, :8] == 1).all() and (hole[:, :, 8:] == 0).all()
    assert (seen[:, :, :8] == 0).all()
    image[:, :8] = 7
    assert torch.equal(wrapper(image, mask), first)


def test_a_soft_mask_is_cut_in_the_middle() -> None:
    image = torch.full((1, 1, 2, 3), 200, dtype=torch.uint8)
    mask = torch.tensor([[[[127], [128]]]], dtype=torch.uint8)
    painted = Inpainter(Fixed(torch.full((1, 3, 1, 2), -1.0)))(image, mask)
    assert painted[0, 0, :, 0].tolist() == [200, 0]


def test_strength_reaches_the_stylizer_one_number_a_picture() -> None:
    inner = Recording()
    picture = torch.from_numpy(pictures(2, 3))
    Stylizer(inner)(picture, picture, torch.tensor([0.0, 1.0]))
    assert inner.seen[2].tolist() == [0, 1]


@pytest.mark.parametrize(("task", "told"), [*((task, False) for task in TASKS), ("translate", True)])
def test_half_precision_keeps_the_ports(task: str, told: bool) -> None:
    subject = trained(task, told=told)
    for graph in wrap(task, subject.modules, subject.sizes, subject.optional_inputs).values():
        half = graph.half()
        assert half.ports == graph.ports
        assert {p.dtype for p in half.module.parameters()} == {torch.float16}
        assert {p.dtype for p in graph.module.parameters()} == {torch.float32}


def test_a_missing_or_unknown_module_is_refused_in_words() -> None:
    with pytest.raises(ExportError, match="lacks 'decoder'"):
        wrap("sample", {}, {})
    with pytest.raises(ExportError, match="has 'discriminator', which is no graph"):
        wrap("sample", modules("sample") | {"discriminator": nn.Identity()}, {})


def test_wrapping_leaves_the_family_its_modules() -> None:
    own = modules("sample")
    before = {name: tensor.clone() for name, tensor in own["decoder"].state_dict().items()}
    own["decoder"].train()
    wrapped = wrap("sample", own, {"latent": 6})["decoder"]
    assert own["decoder"].training and not wrapped.module.inner.training
    wrapped.half()
    assert all(torch.equal(before[name], tensor) for name, tensor in own["decoder"].state_dict().items())
    assert np.issubdtype(wrapped.run({"z": np.zeros((1, 6), np.float32)})["image"].dtype, np.uint8)

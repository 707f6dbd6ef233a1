"""The flow is invertible, as far as its rotations, kept in float32, are orthogonal."""

import pytest
import torch

from training.nets.flow import Flow


@pytest.mark.parametrize("dim", [2, 5])
def test_the_inverse_undoes_the_flow_either_way(dim: int) -> None:
    torch.manual_seed(0)
    flow = Flow(dim, layers=6, width=32).double()
    for parameter in flow.parameters():  # a fresh flow only turns: let it bend
        torch.nn.init.normal_(parameter, std=0.2)
    noise = torch.randn(200, dim, dtype=torch.float64)
    z = flow(noise)
    assert not torch.allclose(z.norm(dim=1), noise.norm(dim=1), rtol=0.1)
    assert torch.allclose(flow.inverse(z), noise, atol=1e-4)
    assert torch.allclose(flow(flow.inverse(noise)), noise, atol=1e-4)

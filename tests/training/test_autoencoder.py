"""What the plain autoencoder promises: latents on the scale of noise, and a folded encoder that says the same."""

import torch

from training.families.autoencoder import Config, Encoder, Whitening


def test_whitened_latents_have_mean_zero_and_identity_covariance() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(4000, 2, generator=generator) @ torch.tensor([[3.0, 1.0], [0.0, 0.2]]) + torch.tensor([5.0, -7.0])
    whitening = Whitening(2, momentum=0.1).train()
    for _ in range(200):
        whitening(z)
    white = whitening.eval()(z)
    assert torch.allclose(white.mean(dim=0), torch.zeros(2), atol=1e-3)
    assert torch.allclose(white.T.cov(), torch.eye(2), atol=1e-2)


def test_the_folded_encoder_gives_the_same_latents() -> None:
    torch.manual_seed(0)
    encoder = Encoder(Config(width=8, latent_dim=3))
    for _ in range(20):
        encoder.train()(torch.rand(16, 1, 32, 32) * 2 - 1)
    images = torch.rand(8, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        expected = encoder.eval()(images)
        assert torch.allclose(encoder.folded()(images), expected, atol=1e-4)
    assert expected.std() > 0.01, "or anything would be close"

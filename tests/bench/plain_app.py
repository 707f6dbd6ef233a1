"""The peer of ``cold_start.py``: the Gradio + PyTorch app that most people would write around the same network.

``python -m tests.bench.plain_app PORT NETWORK.pt``; the network is TorchScript, so that no training code is imported.
"""

import sys

import gradio as gr
import torch

network = torch.jit.load(sys.argv[2]).eval()
latent_dim = network.prior.shift.numel()


@torch.inference_mode()
def sample(count: float = 16, seed: float = 0) -> list[object]:
    noise = torch.randn(int(count), latent_dim, generator=torch.Generator().manual_seed(int(seed)))
    images = ((network(noise) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return [image[0].repeat_interleave(4, 0).repeat_interleave(4, 1).numpy() for image in images]


with gr.Blocks() as demo:
    count = gr.Slider(1, 64, 16, step=1, label="Pictures")
    seed = gr.Number(0, label="Seed")
    button = gr.Button("Sample")
    gallery = gr.Gallery(elem_id="pictures", columns=4)
    button.click(sample, [count, seed], gallery)
    demo.load(sample, [count, seed], gallery)

demo.launch(server_name="127.0.0.1", server_port=int(sys.argv[1]))

"""The training wing: PyTorch recipes that make the weights. Imports no hub, no export, no onnx."""

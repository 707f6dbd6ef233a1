"""Export: a training run in, a verified ONNX bundle out. The one wing that knows both torch and the hub's contract."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before onnxruntime is first imported: exporting calls nobody

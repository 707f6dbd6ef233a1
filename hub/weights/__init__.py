"""Weights: where a bundle comes from, and nothing in it that its manifest does not vouch for.

* ``resolve``  a name becomes a verified bundle on disk: a folder, the Hugging Face Hub, or what ships with the package;
* ``remote``   the Hub, through its own client: pinned revisions, a warm cache that needs no network, retries;
* ``verify``   sizes and sha256 against the manifest;
* ``graphs``   what an ONNX file may hold, read without the ``onnx`` package.

No pickle is ever loaded: weights are ONNX or safetensors, arrays are read with ``allow_pickle=False``.
"""

from hub.weights.resolve import Resolved, resolve, wanted_variant
from hub.weights.verify import fingerprint, verify, verify_file

__all__ = ["Resolved", "fingerprint", "resolve", "verify", "verify_file", "wanted_variant"]

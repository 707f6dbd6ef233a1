"""The one file of the hub that knows onnxruntime.

Three providers, in the words of ``GENHUB_PROVIDER``:

* ``cpu``: plain ONNX Runtime, always there;
* ``openvino``: the OpenVINO plugin, which offers itself on Intel CPUs alone; with half-precision arithmetic up to
  eight times faster where the chip has it and no faster elsewhere, so ``hub.runtime.choice`` measures first;
* ``cuda``: asked for only where a device answers, else every session would print an error and fall back in silence.
"""

import ctypes
import json
import platform
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort

from hub.errors import BundleError, ProviderError, RequestError
from hub.settings import Provider, cpu_budget, settings

OPENVINO_EP = "OpenVINOExecutionProvider"
OPENVINO_CONFIG = json.dumps({"CPU": {"INFERENCE_PRECISION_HINT": "f16"}})  # bf16 is off by up to four grey levels

INTEL = 0x8086  # PCI vendor id

Arrays = Mapping[str, np.ndarray]

DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
}
"""What onnxruntime calls a type -> what NumPy does. Others go in as bytes, which no port agrees with."""


class Signature(NamedTuple):
    """What a graph declares of an input or output. A dimension is a number, or a name (``None`` where it has none)."""

    dtype: np.dtype
    shape: tuple[int | str | None, ...]


class Session:
    """One ONNX graph on one provider. ``run`` may be called from many threads at once."""

    def __init__(self, model: Path, provider: Provider, *, dynamic_sizes: bool = False) -> None:
        """Open ``model``.

        Raises:
            ProviderError: this machine does not have ``provider``.
            BundleError: onnxruntime refuses the graph.
        """
        if provider not in available_providers():
            raise ProviderError(
                f"The provider '{provider}' is not available here; this machine has {', '.join(available_providers())}."
            )
        self.provider: Provider = provider
        try:
            self._session = _open(model, provider, dynamic_sizes)
        except ProviderError:
            raise
        except Exception as error:  # onnxruntime has a dozen exception types that share no base of their own
            raise BundleError(f"onnxruntime cannot open {model.name}: {_first_line(error)}") from error
        self.inputs = {each.name: _signature(each) for each in self._session.get_inputs()}
        self.outputs = {each.name: _signature(each) for each in self._session.get_outputs()}

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Every output by name, for ``feeds`` that ``hub.runtime.feeds.check`` has passed.

        Raises:
            RequestError: the graph itself refuses them, for example a label beyond its table.
        """
        try:
            outputs = self._session.run(list(self.outputs), dict(feeds))
        except Exception as error:
            raise RequestError(f"The model cannot run on these inputs: {_first_line(error)}") from error
        return dict(zip(self.outputs, outputs, strict=True))


def _signature(declared: ort.NodeArg) -> Signature:
    return Signature(np.dtype(DTYPES.get(declared.type, "V1")), tuple(declared.shape))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _open(model: Path, provider: Provider, dynamic_sizes: bool) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = settings().threads or cpu_budget()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # callers share these cores
    options.enable_mem_pattern = not dynamic_sizes
    if provider == "openvino":
        options.add_provider_for_devices([_openvino_device()], {"load_config": OPENVINO_CONFIG})
        return ort.InferenceSession(model, options)
    if provider == "cuda":
        # HEURISTIC: an exhaustive search would run again at each new shape. TF32 would cost two grey levels.
        cuda = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}
        session = ort.InferenceSession(
            model, options, providers=[("CUDAExecutionProvider", cuda), "CPUExecutionProvider"]
        )
        if "CUDAExecutionProvider" not in session.get_providers():
            raise ProviderError(
                "onnxruntime found the GPU but not its CUDA libraries; pip install 'generative-hub[gpu]'."
            )
        return session
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@cache
def available_providers() -> tuple[Provider, ...]:
    """The providers of this machine, the most promising first. ``cpu`` is always among them."""
    found: list[Provider] = []
    if "CUDAExecutionProvider" in ort.get_available_providers() and _cuda_device_count() > 0:
        ort.preload_dlls()
        found.append("cuda")
    if _openvino_library() and any(_is_intel_cpu(device) for device in ort.get_ep_devices()):
        found.append("openvino")
    return (*found, "cpu")


def _cuda_device_count() -> int:
    """Devices the CUDA driver sees; 0 without a driver. The wheel lists CUDA on machines that have no GPU at all."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _is_intel_cpu(device: ort.OrtEpDevice) -> bool:
    hardware = device.device
    return bool(hardware.type == ort.OrtHardwareDeviceType.CPU and hardware.vendor_id == INTEL)


def _openvino_library() -> str | None:
    try:
        import onnxruntime_ep_openvino
    except ImportError:
        return None
    path: str = onnxruntime_ep_openvino.get_library_path()
    return path


_registration = threading.Lock()


def _openvino_device() -> ort.OrtEpDevice:
    """The OpenVINO CPU device; registers the plugin on first use, since its libraries weigh on memory and start."""
    with _registration:  # registering twice is an error
        device = _register_openvino()
    if device is None:
        raise ProviderError("The OpenVINO plugin found no CPU that it takes on this machine.")
    return device


@cache
def _register_openvino() -> ort.OrtEpDevice | None:
    ort.register_execution_provider_library(OPENVINO_EP, _openvino_library())
    devices = (each for each in ort.get_ep_devices() if each.ep_name == OPENVINO_EP)
    return next((each for each in devices if each.device.type == ort.OrtHardwareDeviceType.CPU), None)


@cache
def machine() -> str:
    """What a measured choice depends on: the chip, its threads, and the runtime's version."""
    chip = platform.processor() or platform.machine()
    try:
        names = [
            line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith(("model name", "flags"))
        ]
        chip = names[0].split(":", 1)[1].strip()
        chip += " +f16" if any("avx512_fp16" in line or "amx_tile" in line for line in names[:2]) else ""
    except (OSError, IndexError):
        pass
    threads = settings().threads or cpu_budget()
    return f"{chip}, {threads} threads, onnxruntime {ort.__version__}, {'+'.join(available_providers())}"

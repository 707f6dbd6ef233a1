"""What a family of models is, and which ones there are.

A family is one module in `training/families/` that exposes NAME, TASK, DATA, a frozen dataclass `Config`, `PRESETS`
(`smoke`, `cpu`, `gpu`) and a `Trainer`, and where it can begin with weights of other families, their names as
BEGINS_WITH. The loop knows no generator and no discriminator; it knows this file.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

from accelerate import Accelerator  # type: ignore[import-untyped]
from torch import Tensor, nn

from training.config import RunConfig
from training.data.dataset import ImageData
from training.errors import TrainingError

FAMILIES: dict[str, str] = {
    "autoencoder": "training.families.autoencoder",
    "denoiser": "training.families.denoiser",
    "lowdose": "training.families.lowdose",
    "lowlight": "training.families.lowlight",
    "vae": "training.families.vae",
    "gan": "training.families.gan",
    "cgan": "training.families.cgan",
    "pix2pix": "training.families.pix2pix",
    "cyclegan": "training.families.cyclegan",
}
"""Family -> module path. Explicit, and imported only when asked for."""


@runtime_checkable
class Stateful(Protocol):
    """A module, an optimizer or a schedule."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any], /) -> Any: ...


class Trainer(Protocol):
    """One model in training."""

    config: RunConfig
    data: ImageData

    def __init__(self, config: Any, data: ImageData, accelerator: Accelerator) -> None:
        """Build nets, optimizers and schedules. `data` may hold no images when only inference is wanted."""

    def modules(self) -> dict[str, Stateful]:
        """All state, by name; the loop saves and restores exactly this, and advances every BudgetSchedule in it."""
        ...

    def step(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """One training step with its own optimizers.

        batch: `image` float [N, C, H, W] in [-1, 1] and `label` int64 [N], on the device. Returns scalar losses to log.
        """
        ...

    def evaluate(self, split: str = "test") -> dict[str, float]:
        """Metrics of the averaged weights on "val" (to choose by) or "test" (to report)."""
        ...

    def inference_modules(self) -> dict[str, nn.Module]:
        """The graphs of the family's task: averaged weights, eval mode, float [-1, 1] NCHW. Export wraps them.

        Their modules are the averages' own, or `places(family)` says, by graph, which of those the weights of a bundle
        of that family belong to.
        """
        ...

    def preview(self) -> Tensor:
        """Images to look at during training, from fixed noise: float [N, C, H, W] in [-1, 1]."""
        ...


class Family(Protocol):
    """The module of a family."""

    NAME: str
    TASK: str
    DATA: str
    """Data set that `genhub train` uses when none is named."""
    Config: type[RunConfig]
    PRESETS: Mapping[str, RunConfig]
    Trainer: type[Trainer]


def load_family(name: str) -> Family:
    """Import the family called `name`. Raises TrainingError if there is none."""
    if name not in FAMILIES:
        raise TrainingError(f"There is no family called {name!r}; there are: {', '.join(sorted(FAMILIES))}.")
    module: Any = import_module(FAMILIES[name])
    family: Family = module
    return family

"""Learning rates over a *budget*: a run of 40 minutes ends as cooled down as a run of 20,000 steps."""

import math
from typing import Any

from torch.optim import Optimizer


class BudgetSchedule:
    """Warm-up over steps, then cosine decay over the spent fraction of the budget.

    The loop calls `advance` before every step with the larger of the step and the time fraction. Steps and time are
    part of a checkpoint, so a resumed run goes on at the same rate; resumed with a larger budget, it warms up again.
    """

    def __init__(
        self, optimizer: Optimizer, warmup_steps: int = 100, begin: float = 0.0, end: float = 1.0, final: float = 0.01
    ) -> None:
        """Decay from the optimizer's own rate to `final` times it, between `begin` and `end` of the budget."""
        self.optimizer = optimizer
        self.warmup_steps = warmup_steps
        self.begin, self.end, self.final = begin, end, final
        self.peaks = [float(group["lr"]) for group in optimizer.param_groups]
        self.step = 0
        self.fraction = 0.0

    def advance(self, step: int, fraction: float) -> None:
        """Set the learning rates for step number `step` (from 0), with `fraction` in [0, 1] of the budget spent."""
        self.step, self.fraction = step, fraction
        cooled = min(max((fraction - self.begin) / (self.end - self.begin), 0.0), 1.0)
        factor = self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * cooled))
        factor *= min(1.0, (step + 1) / self.warmup_steps)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "fraction": self.fraction}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.advance(state["step"], state["fraction"])

"""Every knob of the hub, read from the environment: ``GENHUB_PROVIDER=cpu genhub serve``."""

import contextlib
import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hub.contract import VariantName
from hub.errors import HubError

Provider = Literal["cpu", "openvino", "cuda"]


class Settings(BaseSettings):
    """Fields are environment variables with the prefix ``GENHUB_``."""

    model_config = SettingsConfigDict(env_prefix="GENHUB_", frozen=True)

    cache: Path = Path("~/.cache/genhub")
    """Where measured choices, data sets and downloads are kept."""
    provider: Literal["auto"] | Provider = "auto"
    """The execution provider for every model; ``auto`` measures what this machine has."""
    variant: Literal["auto"] | VariantName = "auto"
    """The precision for every model; ``auto`` takes the bundle's default for the device."""
    threads: int = Field(default=0, ge=0, le=256)
    """Threads inside one operator; 0 takes the CPUs that this process may use."""
    namespace: str | None = Field(default=None, pattern=r"^[\w-][\w.-]*$")
    """An account of the Hugging Face Hub: every model of the catalog is taken from its repository of that id."""
    catalog: Path | None = None
    """A catalog of one's own, in place of the one that ships."""
    max_bundle_mb: int = Field(default=4096, ge=1)
    """Bundles past this size are refused before anything of them is fetched or opened."""
    memory_mb: int = Field(default=2048, ge=64)
    """Models past this budget are closed, least recently used first."""
    add_models: Literal["auto", "on", "off"] = "auto"
    """Whether a visitor may add models in the running hub; ``auto``: one who sits at this machine. Behind a proxy that
    hides who asks, set it ``off``."""
    max_count: int = Field(default=256, ge=1)
    """The most pictures that one request may ask for."""
    tile: int = Field(default=512, ge=64)
    """Large pictures go through a model of any size in squares of so many pixels a side: bounds memory."""
    max_megapixels: int = Field(default=32, ge=1)
    """The largest picture that is taken for a model of any size."""

    @property
    def cache_dir(self) -> Path:
        return self.cache.expanduser()


@cache
def settings() -> Settings:
    """The settings of this process.

    Raises:
        HubError: an environment variable holds what its knob cannot take.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "".join(str(part) for part in first["loc"][:1]).upper()
        raise HubError(f"GENHUB_{name} cannot be {first['input']!r}: {first['msg']}.") from None


def cpu_budget() -> int:
    """CPUs this process may use: its affinity mask, cut by the quota of its cgroup (a container's). At least 1."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup"))
    return max(1, min(allowed, round(quota)) if quota else allowed)


def _cgroup_quota(root: Path) -> float | None:
    """CPUs granted by the cgroup at ``root`` (version 2, else version 1); ``None`` where there is no limit."""
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        with contextlib.suppress(OSError, ValueError):  # not there, or "max"
            quota, period = map(int, " ".join((root / file).read_text() for file in files).split())
            return quota / period if quota > 0 and period > 0 else None
    return None

"""``hub.settings``: the knobs, and how many CPUs this process may really use."""

import os
from pathlib import Path

import pytest

from hub.errors import HubError
from hub.settings import _cgroup_quota, cpu_budget, settings
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence


def write(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_max", ".max").replace("cpu/cfs", "cpu/cpu.cfs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


@pytest.mark.parametrize(
    ("content", "cpus"),
    [("200000 100000\n", 2.0), ("50000 100000\n", 0.5), ("max 100000\n", None), ("", None), ("junk\n", None),
     ("100000 0\n", None)],
)  # fmt: skip
def test_the_quota_of_a_version_2_cgroup_is_read(tmp_path: Path, content: str, cpus: float | None) -> None:
    assert _cgroup_quota(write(tmp_path, cpu_max=content)) == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"), [("150000\n", "100000\n", 1.5), ("-1\n", "100000\n", None), ("", "", None)]
)
def test_the_quota_of_a_version_1_cgroup_is_read(tmp_path: Path, quota: str, period: str, cpus: float | None) -> None:
    assert _cgroup_quota(write(tmp_path, cpu__cfs_quota_us=quota, cpu__cfs_period_us=period)) == cpus


def test_no_cgroup_means_no_limit(tmp_path: Path) -> None:
    assert _cgroup_quota(tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity masks")
def test_the_budget_keeps_to_the_affinity_mask() -> None:
    allowed = os.sched_getaffinity(0)
    assert 1 <= cpu_budget() <= len(allowed)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cpu_budget() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_knob_is_an_environment_variable(turn: Turn) -> None:
    turn(threads=3, provider="cpu", variant="fp16", max_count=9)
    assert (settings().threads, settings().variant, settings().max_count) == (3, "fp16", 9)


def test_the_cache_folder_may_start_at_home(turn: Turn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    turn(cache="~/here")
    assert settings().cache_dir == tmp_path / "here"


@pytest.mark.parametrize(
    ("knob", "value"),
    [("threads", "many"), ("threads", "-1"), ("provider", "tpu"), ("memory_mb", "1"), ("variant", "")],
)
def test_a_knob_turned_wrong_is_one_sentence_that_names_it(turn: Turn, knob: str, value: str) -> None:
    turn(**{knob: value})
    with pytest.raises(HubError) as refused:
        settings()
    assert f"GENHUB_{knob.upper()} cannot be '{value}'" in sentence(refused.value)

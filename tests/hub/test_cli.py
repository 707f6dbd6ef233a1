"""``genhub``: cheap to start, and what the user can put right is one sentence and exit status 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.cli import VERBS
from tests.hub.sentence import sentence

HEAVY = ("onnxruntime", "gradio", "torch", "onnx", "numpy", "pydantic")


def genhub(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "hub.cli", *args], capture_output=True, text=True, timeout=120)


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


@pytest.mark.parametrize("args", [(), ("--help",), ("-h",), ("help",)])
def test_help_lists_every_command(args: tuple[str, ...]) -> None:
    ran = genhub(*args)
    assert ran.returncode == 0
    for name, verb in VERBS.items():
        assert f"genhub {name}" in ran.stdout
        assert verb.summary in ran.stdout


@pytest.mark.parametrize("name", ["sevre", "", "--port", "x" * 10_000])
def test_an_unknown_command_is_answered_with_those_there_are(name: str) -> None:
    ran = genhub(name)
    assert (ran.returncode, ran.stdout) == (2, "")
    told = sentence(ValueError(ran.stderr.removesuffix("\n")))
    assert ", ".join(VERBS) in told


def test_the_version_is_told() -> None:
    ran = genhub("--version")
    assert ran.returncode == 0
    assert ran.stdout.startswith("genhub 0.")


def test_help_costs_no_heavy_import() -> None:
    ran = python(
        f"import sys; from hub.cli import dispatch; dispatch(['--help']); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    assert ran.stdout.splitlines()[-1] == "[]", ran.stderr


def test_importing_the_package_costs_nothing_until_a_model_is_opened() -> None:
    ran = python(
        f"import sys, hub; before = [name for name in {HEAVY} if name in sys.modules]; hub.open_model; "
        "print(before, 'onnxruntime' in sys.modules)"
    )
    assert ran.stdout.strip() == "[] True", ran.stderr


def test_a_name_that_the_package_does_not_have_is_an_attribute_error() -> None:
    import hub

    with pytest.raises(AttributeError, match="no attribute 'close_model'"):
        hub.close_model  # noqa: B018


def test_serving_pictures_needs_neither_torch_nor_onnx(tiny_bundle: Path, tmp_path: Path) -> None:
    ran = python(
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = sys.modules['gradio'] = None; "
        f"from hub import open_model; print(open_model({str(tiny_bundle)!r}).sample(3).shape)",
        GENHUB_CACHE=str(tmp_path),
        GENHUB_PROVIDER="cpu",
    )
    assert ran.stdout.strip() == "(3, 32, 32, 1)", ran.stderr


@pytest.mark.parametrize(
    ("args", "package"),
    [(["train", "vae", "--preset", "smoke"], "torch"), (["export", "nowhere", "--to", "x"], "torch")],
)
def test_a_command_whose_extra_is_missing_says_which_one_to_install(args: list[str], package: str) -> None:
    ran = python(
        f"import sys; sys.modules[{package!r}] = None; from hub.cli import dispatch; sys.exit(dispatch({args!r}))"
    )
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    told = sentence(ValueError(ran.stderr.removesuffix("\n")))
    assert f"needs the package '{package}': pip install 'generative-hub[{VERBS[args[0]].extra}]' brings it." in told


def test_a_model_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    ran = genhub("run", "nobody", "--out", str(tmp_path / "o.png"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "There is no model 'nobody'" in sentence(ValueError(ran.stderr.removesuffix("\n")))


def test_a_knob_turned_wrong_is_one_sentence(tiny_bundle: Path) -> None:
    ran = python(
        f"import sys; from hub.cli import dispatch; sys.exit(dispatch(['models', '--models', {str(tiny_bundle)!r}]))",
        GENHUB_PROVIDER="tpu",
    )
    assert (ran.returncode, ran.stdout) == (2, ""), ran.stderr
    assert "GENHUB_PROVIDER cannot be 'tpu'" in sentence(ValueError(ran.stderr.removesuffix("\n")))

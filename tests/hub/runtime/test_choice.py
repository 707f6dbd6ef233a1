"""``hub.runtime.choice``: which provider a model gets; measured once, remembered, overridable."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.contract import MANIFEST, read_bundle
from hub.errors import BundleError, ProviderError
from hub.runtime.choice import Choice, _remember, _remembered, choose
from hub.runtime.engine import Engine
from hub.runtime.session import available_providers
from hub.settings import settings
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence

measures_here = pytest.mark.skipif(
    "openvino" not in available_providers() or "cuda" in available_providers(),
    reason="there is nothing to choose from on this machine",
)
A_CHOICE = Choice("fp32", "cpu", "because", {"cpu": 1.5})


def choices() -> Path:
    return settings().cache_dir / "choices.json"


def test_the_environment_decides_without_measuring(tiny_bundle: Path, turn: Turn) -> None:
    turn(provider="cpu")
    choice = choose(read_bundle(tiny_bundle), tiny_bundle)
    assert (choice.provider, choice.reason, choice.milliseconds) == ("cpu", "set by GENHUB_PROVIDER", {})
    assert not choices().exists()


def test_a_provider_that_is_not_here_is_refused_naming_the_variable(tiny_bundle: Path, turn: Turn) -> None:
    absent = next((each for each in ("openvino", "cuda") if each not in available_providers()), None)
    if absent is None:
        pytest.skip("this machine has every provider")
    turn(provider=absent)
    with pytest.raises(ProviderError, match=f"GENHUB_PROVIDER is '{absent}'") as refused:
        choose(read_bundle(tiny_bundle), tiny_bundle)
    sentence(refused.value)


def test_a_variant_that_the_bundle_lacks_is_refused_naming_the_variable(tiny_bundle: Path, turn: Turn) -> None:
    turn(variant="int8")
    with pytest.raises(BundleError, match="GENHUB_VARIANT is 'int8', but 'tiny' has only fp32") as refused:
        choose(read_bundle(tiny_bundle), tiny_bundle)
    sentence(refused.value)


def with_half(tiny_bundle: Path, folder: Path) -> Path:
    """A copy with a second variant ``fp16`` (the same files), which is the default on CPUs."""
    shutil.copytree(tiny_bundle, folder)
    raw = json.loads((folder / MANIFEST).read_text())
    raw["variants"]["fp16"] = raw["variants"]["fp32"]
    raw["defaults"]["cpu"] = "fp16"
    (folder / MANIFEST).write_text(json.dumps(raw))
    return folder


def test_the_bundle_says_which_variant_a_device_gets_and_the_environment_overrules_it(
    tiny_bundle: Path, tmp_path: Path, turn: Turn
) -> None:
    folder = with_half(tiny_bundle, tmp_path / "half")
    assert choose(read_bundle(folder), folder).variant == "fp16"
    turn(variant="fp32")
    assert choose(read_bundle(folder), folder).variant == "fp32"


def test_a_damaged_bundle_is_refused_before_anything_is_measured_on_it(
    tiny_bundle: Path, tmp_path: Path, turn: Turn
) -> None:
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "damaged"))
    (folder / "onnx/encoder.onnx").write_bytes(b"x")
    turn(provider="auto")
    with pytest.raises(BundleError, match="damaged"):
        choose(read_bundle(folder), folder)
    assert not choices().exists()


def test_left_alone_a_choice_is_made_and_the_model_answers(tiny_bundle: Path, turn: Turn) -> None:
    turn(provider="auto")
    model = Engine([tiny_bundle]).model("tiny")
    model.warm_up()
    assert model.choice.provider in available_providers()
    assert model.choice.reason


@measures_here
def test_a_choice_is_measured_once_and_then_remembered(tiny_bundle: Path, turn: Turn) -> None:
    turn(provider="auto")
    first = Engine([tiny_bundle]).model("tiny").choice
    stored = choices().read_bytes()
    assert first.milliseconds.keys() == {"cpu", "openvino"}
    assert Engine([tiny_bundle]).model("tiny").choice == first, "to the hundredth of a millisecond: not measured again"
    assert choices().read_bytes() == stored


@measures_here
def test_a_bundle_with_other_weights_is_measured_anew(tiny_bundle: Path, tmp_path: Path, turn: Turn) -> None:
    turn(provider="auto")
    folder = with_half(tiny_bundle, tmp_path / "half")
    for each in (tiny_bundle, folder):
        choose(read_bundle(each), each)
    assert len(_remembered()) == 2


@measures_here
@pytest.mark.parametrize("cache", ["a file/cache", "a file"])
def test_a_cache_that_cannot_be_written_costs_only_the_memory(
    tiny_bundle: Path, tmp_path: Path, turn: Turn, cache: str
) -> None:
    (tmp_path / "a file").touch()
    turn(provider="auto", cache=tmp_path / cache)
    assert choose(read_bundle(tiny_bundle), tiny_bundle).provider in available_providers()


def test_what_is_remembered_is_read_back_as_it_was() -> None:
    _remember("one", A_CHOICE)
    _remember("two", Choice("fp16", "openvino", "measured", {"cpu": 2.0, "openvino": 1.0}))
    assert _remembered()["one"] == A_CHOICE
    assert _remembered()["two"].provider == "openvino"
    assert [path.name for path in choices().parent.iterdir()] == ["choices.json"], "no temporary file stays behind"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"one": 3}', b'{"one": {"variant": "fp32"}}',
     b'{"one": {"variant": "fp32", "provider": "toaster", "reason": "", "milliseconds": {}}}'],
)  # fmt: skip
def test_a_spoilt_memory_is_forgotten_and_written_anew(content: bytes) -> None:
    choices().parent.mkdir(parents=True)
    choices().write_bytes(content)
    assert _remembered() == {}
    _remember("one", A_CHOICE)
    assert _remembered() == {"one": A_CHOICE}


def test_a_memory_that_cannot_be_written_is_no_error(tmp_path: Path, turn: Turn) -> None:
    (tmp_path / "a file").touch()
    turn(cache=tmp_path / "a file/cache")
    _remember("one", A_CHOICE)
    assert _remembered() == {}


def test_models_that_open_at_once_all_get_remembered() -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda index: _remember(f"model {index}", A_CHOICE), range(24)))
    assert len(_remembered()) == 24

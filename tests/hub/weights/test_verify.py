"""``hub.weights``: a file is opened only if the manifest vouches for its content."""

import shutil
from pathlib import Path

import onnx
import pytest

from hub.contract import Bundle, File, read_bundle
from hub.errors import BundleError
from hub.weights import fingerprint, verify, verify_file
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import describe, write_tiny_bundle


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "copy"))


def refusal(folder: Path, bundle: Bundle | None = None) -> str:
    with pytest.raises(BundleError) as refused:
        verify(folder, bundle or read_bundle(folder), "fp32")
    return sentence(refused.value)


def test_an_untouched_bundle_passes(tiny_bundle: Path) -> None:
    verify(tiny_bundle, read_bundle(tiny_bundle), "fp32")


def test_one_changed_byte_is_noticed(copy: Path) -> None:
    graph = copy / "onnx/encoder.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    assert "onnx/encoder.onnx does not match its sha256" in refusal(copy)


def test_a_truncated_file_is_noticed(copy: Path) -> None:
    graph = copy / "onnx/decoder.onnx"
    graph.write_bytes(graph.read_bytes()[:100])
    assert "has 100 bytes instead of" in refusal(copy)


@pytest.mark.parametrize("leftover", ["nothing", "folder"])
def test_a_missing_file_is_named(copy: Path, leftover: str) -> None:
    (copy / "onnx/prior.onnx").unlink()
    if leftover == "folder":
        (copy / "onnx/prior.onnx").mkdir()
    assert "onnx/prior.onnx is missing" in refusal(copy)


def test_a_link_out_of_the_folder_is_refused_though_its_content_is_right(copy: Path, tmp_path: Path) -> None:
    graph = copy / "onnx/decoder.onnx"
    graph.rename(tmp_path / "elsewhere.onnx")
    graph.symlink_to(tmp_path / "elsewhere.onnx")
    assert "links out of its folder" in refusal(copy)


def test_a_linked_folder_is_refused_too(copy: Path, tmp_path: Path) -> None:
    (copy / "onnx").rename(tmp_path / "elsewhere")
    (copy / "onnx").symlink_to(tmp_path / "elsewhere")
    assert "links out of its folder" in refusal(copy)


def test_a_link_within_the_folder_passes(copy: Path) -> None:
    (copy / "onnx/decoder.onnx").rename(copy / "onnx/real.onnx")
    (copy / "onnx/decoder.onnx").symlink_to("real.onnx")
    verify(copy, read_bundle(copy), "fp32")


def test_a_bundle_reached_through_a_link_passes(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(copy)
    verify(tmp_path / "link", read_bundle(copy), "fp32")


def test_a_path_that_got_past_the_contract_still_cannot_leave_the_folder(copy: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    escaping = File.model_construct(**describe(secret, tmp_path).model_dump() | {"path": "../secret"})
    with pytest.raises(BundleError, match="out of its folder") as refused:
        verify_file(copy, read_bundle(copy), escaping)
    sentence(refused.value)


def test_a_graph_that_keeps_weights_in_another_file_is_refused(copy: Path) -> None:
    path = copy / "onnx/decoder.onnx"
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="decoder.bin", size_threshold=0)
    honest = read_bundle(copy)
    fp32 = honest.variants["fp32"]
    vouched = fp32.model_copy(update={"files": fp32.files | {"decoder": describe(path, copy)}})
    assert "keeps weights in another file" in refusal(copy, honest.model_copy(update={"variants": {"fp32": vouched}}))


def test_the_fingerprint_changes_with_any_weight(tiny_bundle: Path, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "same")
    write_tiny_bundle(tmp_path / "other", weights_seed=1)
    assert fingerprint(tmp_path / "same") == fingerprint(tiny_bundle)
    assert fingerprint(tmp_path / "other") != fingerprint(tiny_bundle)

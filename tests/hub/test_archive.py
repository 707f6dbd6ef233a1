"""``hub.archive``: a bundle as a ZIP that is whole, the same every time, and never larger in memory than a piece."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from hub.archive import CHUNK, check, stream
from hub.contract import MANIFEST, read_bundle
from hub.errors import BundleError
from hub.runtime.engine import Engine
from hub.weights import verify
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import write_tiny_bundle


def zipped(folder: Path) -> bytes:
    bundle = read_bundle(folder)
    return b"".join(stream(bundle, folder, check(bundle, folder)))


def test_unpacked_it_is_the_same_bundle_with_every_listed_file_and_no_other(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny", examples=2)
    (tmp_path / "tiny" / "secret.txt").write_text("nobody listed this")
    with zipfile.ZipFile(io.BytesIO(zipped(tmp_path / "tiny"))) as archive:
        assert archive.testzip() is None
        bundle = read_bundle(tmp_path / "tiny")
        assert set(archive.namelist()) == {f"tiny/{file.path}" for file in bundle.all_files()} | {f"tiny/{MANIFEST}"}
        archive.extractall(tmp_path / "out")
    assert read_bundle(tmp_path / "out" / "tiny") == bundle
    verify(tmp_path / "out" / "tiny", bundle, "fp32")


def test_the_same_bundle_gives_the_same_bytes_wherever_and_whenever_it_lies(tmp_path: Path) -> None:
    for place in ("a", "b"):
        write_tiny_bundle(tmp_path / place)
    (tmp_path / "b" / MANIFEST).touch()
    assert zipped(tmp_path / "a") == zipped(tmp_path / "b")


def test_one_variant_leaves_the_graphs_of_the_others_out() -> None:
    model = Engine(["vae-fashion"]).models["vae-fashion"]
    manifest = check(model.bundle, model.folder, "int8")
    whole = b"".join(stream(model.bundle, model.folder, manifest, "int8"))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        names = {name for name in archive.namelist() if name.endswith(".onnx")}
    expected = {f"vae-fashion/{file.path}" for file in model.bundle.variants["int8"].files.values()}
    assert names == expected and "vae-fashion/onnx/decoder_quantized.onnx" in names


def test_a_large_bundle_takes_no_more_memory_than_a_few_pieces(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, ballast=24 * CHUNK)
    bundle = read_bundle(tmp_path)
    manifest = check(bundle, tmp_path)
    tracemalloc.start()
    size = sum(map(len, stream(bundle, tmp_path, manifest)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 24 * CHUNK and peak < 6 * CHUNK


@pytest.mark.parametrize("harm", ["missing", "changed", "another manifest"])
def test_what_is_not_whole_is_refused_before_the_first_byte(tmp_path: Path, harm: str) -> None:
    write_tiny_bundle(tmp_path)
    bundle = read_bundle(tmp_path)
    graph = tmp_path / "onnx" / "decoder.onnx"
    match harm:
        case "missing":
            graph.unlink()
        case "changed":
            graph.write_bytes(graph.read_bytes()[:-1] + b"!")
        case _:
            write_tiny_bundle(tmp_path, bundle_id="other")
    with pytest.raises(BundleError) as refused:
        check(bundle, tmp_path)
    assert "tiny" in sentence(refused.value)


def test_a_file_that_changes_while_it_is_sent_breaks_the_download_off(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path)
    bundle = read_bundle(tmp_path)
    manifest = check(bundle, tmp_path)
    graph = tmp_path / "onnx" / "prior.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError, match=r"changed while it was sent: onnx/prior\.onnx"):
        list(stream(bundle, tmp_path, manifest))

"""The folder: complete, true to its manifest, or not there."""

import hashlib
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from safetensors.numpy import load_file

from export.bundle import EMBEDDED_LIMIT, Names, Written, write_bundle
from export.errors import ExportError
from export.graphs import wrap
from export.trained import Trained
from export.variants import open_session
from hub.contract import read_bundle
from tests.export.stand_ins import SIZE, Convolutions, trained
from tests.export.test_variants import Drifting


def test_the_manifest_reads_back_as_it_was_written(written: Written) -> None:
    assert read_bundle(written.folder) == written.bundle


def test_every_file_is_in_the_manifest_with_its_hash(written: Written) -> None:
    on_disk = {path.relative_to(written.folder).as_posix() for path in written.folder.rglob("*") if path.is_file()}
    listed = {file.path: file for file in written.bundle.all_files()}
    assert on_disk == set(listed) | {"bundle.json"}
    for name, file in listed.items():
        content = (written.folder / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)


def test_a_bundle_is_small_enough_to_ship(written: Written) -> None:
    assert written.bytes <= EMBEDDED_LIMIT


def test_golden_outputs_are_pytorchs_and_fp32_gives_them(written: Written) -> None:
    golden = np.load(written.folder / "golden.npz")
    subject = trained(labelled=True)
    graphs = wrap(subject.task, subject.modules, subject.sizes, subject.optional_inputs)
    for name, graph in graphs.items():
        feeds = {port.name: golden[f"{name}/{port.name}"] for port in graph.ports.inputs}
        path = written.folder / written.bundle.variants["fp32"].files[name].path
        for port, expected in graph.run(feeds).items():
            assert np.array_equal(golden[f"{name}/{port}"], expected)
            given = open_session(path.read_bytes())(feeds)[port]
            assert np.abs(given.astype(float) - expected.astype(float)).max() <= (
                1 if expected.dtype == np.uint8 else 1e-4
            )


def test_the_picture_is_what_fp32_paints_from_seed_zero(written: Written) -> None:
    picture = np.asarray(Image.open(written.folder / "preview.png"))
    z = np.random.RandomState(0).standard_normal((18, 6)).astype(np.float32)
    runs = {name: open_session((written.folder / f"onnx/{name}.onnx").read_bytes()) for name in ("prior", "decoder")}
    images = runs["decoder"]({"z": runs["prior"]({"noise": z})["z"], "label": np.arange(18) % 3})["image"]
    factor = 96 // SIZE
    assert np.array_equal(picture[:96:factor, :96:factor], images[0, :, :, 0])


def test_examples_are_held_out_pictures_one_of_each_class_first(written: Written) -> None:
    held_out = trained(labelled=True).held_out
    paths = sorted((written.folder / "examples").iterdir())
    assert [path.name for path in paths] == [f"{number:02d}.png" for number in range(1, 7)]
    for row, path in enumerate(paths[:3]):
        assert np.array_equal(np.asarray(Image.open(path)), held_out.images[row, :, :, 0])


def test_the_pytorch_weights_load_back(written: Written) -> None:
    tensors = load_file(written.folder / "model.safetensors")
    state = trained(labelled=True).modules["decoder"].state_dict()
    assert json.loads((written.folder / "config.json").read_text())["dtype"] == "float32"
    for name, tensor in state.items():
        assert np.array_equal(tensors[f"decoder.{name}"], tensor.numpy())


def test_graphs_hold_their_own_weights_and_say_nothing_of_this_machine(written: Written) -> None:
    here = str(Path(__file__).resolve().parents[2]).encode()
    for path in written.folder.rglob("*"):
        if path.is_file():
            assert here not in path.read_bytes(), path.name
    for path in (written.folder / "onnx").iterdir():
        model = onnx.load(path, load_external_data=False)
        assert all(t.data_location != onnx.TensorProto.EXTERNAL for t in model.graph.initializer)


def test_exported_again_the_graphs_and_golden_outputs_are_the_same_bytes(written: Written, tmp_path: Path) -> None:
    again = write_bundle(trained(labelled=True), tmp_path / "again")
    ours, theirs = ({f.path: f.sha256 for f in w.bundle.all_files()} for w in (written, again))
    assert {name for name in ours if ours[name] != theirs.get(name)} == {"README.md"}  # it tells a latency and a metric


def test_names_can_be_given_and_are_checked(tmp_path: Path) -> None:
    names = Names(id="mine", title="Mine", description="Boxes.", licence="CC0-1.0")
    bundle = write_bundle(trained(), tmp_path / "mine", names, wanted=()).bundle
    assert (bundle.id, bundle.title, bundle.description, bundle.licence) == ("mine", "Mine", "Boxes.", "CC0-1.0")
    names = Names(sides=("outline", "colour"))
    assert write_bundle(translator(width=1), tmp_path / "sides", names, wanted=()).bundle.sides == names.sides
    assert write_bundle(translator(width=1), tmp_path / "none", wanted=()).bundle.sides is None
    for folder in ("sides", "none"):
        shutil.rmtree(tmp_path / folder)
    with pytest.raises(ExportError, match="'Not An Id' is no id"):
        write_bundle(trained(), tmp_path / "bad", Names(id="Not An Id"), wanted=())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


# ── Whole or not at all ──────────────────────────────────────────────────────────────────────────────────────────────


def translator(width: int) -> Trained:
    """A model of one graph, which exports in a second; ``width`` decides its bytes."""
    return trained("translate", modules={"translator": Convolutions(3, 3, width)})


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_refused_model_leaves_nothing_and_keeps_the_old_bundle(written: Written, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    shutil.copytree(written.folder, target)
    before = everything(tmp_path)
    with pytest.raises(ExportError, match="differs from PyTorch"):
        write_bundle(trained(modules={"decoder": Drifting()}), target)
    assert everything(tmp_path) == before


def test_an_old_bundle_is_replaced_whole(written: Written, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    shutil.copytree(written.folder, target)
    (target / "stale.txt").write_text("from before")
    new = write_bundle(translator(width=1), target, Names(id="new"), wanted=())
    assert read_bundle(target) == new.bundle and not (target / "stale.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_folder_that_is_no_bundle_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(ExportError, match="is there already and is no bundle"):
        write_bundle(trained(), tmp_path / "photos")
    assert everything(tmp_path) == {"photos/holiday.jpg": b"precious"}


@contextmanager
def small_disk(folder: Path, limit: int) -> Iterator[Path]:
    """A place that takes no more than ``limit`` bytes: a tmpfs where we may mount one, else a limit on file sizes."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={limit}", "tmpfs", folder], capture_output=True)
    if mounted.returncode == 0:
        try:
            yield folder
        finally:
            subprocess.run(["umount", folder], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit // 8, before[1]))
    try:
        yield folder
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="neither tmpfs nor RLIMIT_FSIZE")


@needs_posix
def test_a_full_disk_leaves_neither_half_a_bundle_nor_debris(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 96 * 1024) as disk:
        with pytest.raises(ExportError, match="The disk is full"):
            write_bundle(translator(width=64), disk / "deep" / "bundle", wanted=())
        assert list(disk.iterdir()) == []


@needs_posix
def test_a_full_disk_keeps_the_bundle_that_was_there(tmp_path: Path) -> None:
    small = write_bundle(translator(width=1), tmp_path / "small", wanted=())
    assert small.bytes < 96 * 1024
    with small_disk(tmp_path / "disk", 192 * 1024) as disk:
        shutil.copytree(small.folder, disk / "bundle")
        before = everything(disk)
        with pytest.raises(ExportError, match="The disk is full"):
            write_bundle(translator(width=64), disk / "bundle", wanted=())
        assert everything(disk) == before
        assert read_bundle(disk / "bundle") == small.bundle


def test_a_target_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="could not be written") as caught:
        write_bundle(translator(width=1), tmp_path / "file" / "bundle", wanted=())
    assert "\n" not in str(caught.value)
    assert everything(tmp_path) == {"file": b""}

"""Bundles that are not right are refused before a session is made; secrets stay where they are."""

import json
import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from hub.contract import MANIFEST
from hub.errors import BundleError, HubError
from hub.runtime.engine import Engine
from hub.weights import resolve
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence
from tests.hub.tiny_bundle import describe, write_tiny_bundle
from tests.hub.weights.published import REPO, got, refusal
from tests.hub_stand_in import TOKEN, HubStandIn, files_of


def spoiled(folder: Path, **changes: object) -> dict[str, bytes]:
    files = files_of(folder)
    files[MANIFEST] = json.dumps(json.loads(files[MANIFEST]) | changes).encode()
    return files


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("schema", "schema version 99"),
        ("truncated manifest", "is not JSON"),
        ("escape", "not one inside the bundle"),
        ("truncated", "not the file that the manifest describes"),
        ("missing", "has no onnx/prior.onnx"),
        ("huge manifest", "its bundle.json has"),
        ("oversize", "this hub takes"),
    ],
)
def test_a_bundle_that_is_not_right_is_refused_in_one_sentence(
    harm: str, said: str, hub_stand_in: HubStandIn, bundle: Path, turn: Turn, tmp_path: Path
) -> None:
    files = files_of(bundle)
    match harm:
        case "schema":
            files = spoiled(bundle, schema_version=99)
        case "truncated manifest":
            files[MANIFEST] = files[MANIFEST][:500]
        case "escape":
            files[MANIFEST] = files[MANIFEST].replace(b"onnx/decoder.onnx", b"../../../../evil.onnx")
        case "truncated":
            files["onnx/decoder.onnx"] = files["onnx/decoder.onnx"][:100]
        case "missing":
            del files["onnx/prior.onnx"]
        case "huge manifest":
            files[MANIFEST] += b" " * 5_000_000
        case "oversize":
            turn(max_bundle_mb=1)
            write_tiny_bundle(tmp_path / "fat", ballast=1_100_000)
            files = files_of(tmp_path / "fat")
    hub_stand_in.add(REPO, files)
    assert said in refusal(REPO, HubError)
    if harm not in ("truncated", "missing"):  # refused by the manifest alone
        assert not [name for name in got(hub_stand_in) if name.endswith(".onnx")]


@pytest.mark.parametrize("harm", ["external data", "custom domain"])
def test_a_graph_that_does_not_keep_to_itself_is_refused_without_onnx(
    harm: str, hub_stand_in: HubStandIn, tmp_path: Path
) -> None:
    folder = tmp_path / "evil"
    write_tiny_bundle(folder)
    path = folder / "onnx/prior.onnx"
    model = onnx.load(path)
    if harm == "external data":
        onnx.external_data_helper.set_external_data(model.graph.initializer[0], "/etc/passwd")
        model.graph.initializer[0].ClearField("raw_data")
    else:
        model.graph.node[0].domain = "com.evil"
    path.write_bytes(model.SerializeToString())
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["variants"]["fp32"]["files"]["prior"] = describe(path, folder).model_dump()  # vouched for, and yet
    (folder / MANIFEST).write_text(json.dumps(manifest))
    hub_stand_in.add(REPO, files_of(folder))
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "from hub.cli import dispatch; sys.exit(dispatch(sys.argv[1:]))"
    )  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", code, "run", REPO, "--out", str(tmp_path / "o.png")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 2
    said = sentence(ValueError(ran.stderr.splitlines()[-1]))
    assert {"external data": "keeps weights in another file", "custom domain": "'com.evil'"}[harm] in said


def test_a_link_out_of_the_cache_is_refused(published: HubStandIn, tmp_path: Path) -> None:
    found = resolve(REPO)
    graph = found.folder / "onnx/decoder.onnx"
    shutil.copy(graph, tmp_path / "elsewhere.onnx")
    graph.unlink()
    graph.symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleError, match="links out of its folder"):
        found.bundle and Engine([str(found.folder)]).models["tiny"].choice


@pytest.mark.parametrize("kept", ["environment", "store"])
def test_a_token_goes_into_a_header_and_nowhere_else(
    kept: str,
    hub_stand_in: HubStandIn,
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    if kept == "environment":
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    else:
        (tmp_path / "hf").mkdir()
        (tmp_path / "hf/token").write_text(TOKEN)
    hub_stand_in.add("me/private", files_of(bundle), private=True)
    hub_stand_in.fail("decoder", status=503)
    with caplog.at_level(logging.DEBUG):
        found = resolve("me/private")
        refusal("me/nothing")
    assert any(with_token for _, _, with_token in hub_stand_in.requests)
    said = caplog.text + "".join(capfd.readouterr()) + found.reason + repr(found)
    assert TOKEN not in said
    assert not any(TOKEN in address for _, address, _ in hub_stand_in.requests)
    written = [path for path in (tmp_path / "hf/hub").rglob("*") if path.is_file()]
    assert written and not any(TOKEN.encode() in path.read_bytes() for path in written)


def test_no_pickle_is_ever_read() -> None:
    """A file of ours that reads arrays or weights says that it wants no pickle in them."""
    root = Path(__file__).parents[3]
    for wing in ("hub", "training", "export"):
        for path in (root / wing).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(import|from) (pickle|dill|joblib|shelve)\b", text, re.MULTILINE), path
            for call in re.findall(r"np\.load\([^\n]*", text):
                assert "allow_pickle=False" in call, (path, call)
            for call in re.findall(r"torch\.load\([^\n]*", text):
                assert "weights_only=True" in call, (path, call)

"""A bundle from the Hub, served as a user serves it: pictures, card and its pictures come out of the cache."""

import io
import json
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
from gradio_client import Client

from hub.catalog import EMBEDDED
from hub.contract import MANIFEST, read_bundle
from tests.hub.foreign_models import lama_repository
from tests.hub.sentence import sentence
from tests.hub_stand_in import HubStandIn, files_of
from tests.serving import serving, status


def test_a_repository_at_a_revision_is_served_and_only_what_serving_needs_is_fetched(
    hub_stand_in: HubStandIn, tmp_path: Path
) -> None:
    commit = hub_stand_in.add("someone/their-bundle", files_of(EMBEDDED / "gan-fashion"))
    with serving(
        "--models", f"someone/their-bundle@{commit}", GENHUB_CACHE=str(tmp_path / "cache"), GENHUB_PROVIDER="cpu"
    ) as hub:
        gallery, *_ = Client(hub.url, verbose=False, download_files=str(tmp_path)).predict(
            "gan-fashion", 2, 0, 1.0, api_name="/sample"
        )
        assert len(gallery) == 2
        assert status(f"{hub.url}/card/gan-fashion") == 200
        assert status(f"{hub.url}/card/gan-fashion/preview.png") == 200
        assert status(f"{hub.url}/card/gan-fashion/model.safetensors") == 404  # listed, and not fetched
        with urllib.request.urlopen(f"{hub.url}/readyz") as answer:
            assert json.load(answer)["models"] == ["gan-fashion"]
    resolved = f"/someone/their-bundle/resolve/{commit}/"
    got = [address for method, address, _ in hub_stand_in.requests if method == "GET" and "/resolve/" in address]
    fetched = {address.removeprefix(resolved) for address in got}
    assert fetched == {"bundle.json", "README.md", "preview.png", "neighbours.png", "onnx/decoder.onnx"}


def test_what_was_not_fetched_is_once_somebody_takes_it_home_or_times_it(
    hub_stand_in: HubStandIn, tmp_path: Path
) -> None:
    source = EMBEDDED / "gan-fashion"
    hub_stand_in.add("someone/their-bundle", files_of(source))
    bundle = read_bundle(source)
    cache = str(tmp_path / "cache")
    with serving("--models", "someone/their-bundle", GENHUB_CACHE=cache, GENHUB_PROVIDER="cpu") as hub:
        address = f"{hub.url}/download/gan-fashion"
        hub_stand_in.fail("decoder_fp16", method="HEAD", status=403, times=1)
        with pytest.raises(urllib.error.HTTPError) as said:
            urllib.request.urlopen(f"{address}/onnx/decoder_fp16.onnx")
        assert said.value.code == 502
        assert "does not let us have someone/their-bundle" in sentence(ValueError(said.value.read().decode()))
        for path in ("onnx/decoder_fp16.onnx", "golden.npz"):
            with urllib.request.urlopen(f"{address}/{path}") as answer:
                assert answer.read() == (source / path).read_bytes()
        cells = Client(hub.url, verbose=False).predict("gan-fashion", 1, api_name="/benchmark")
        assert {cell["variant"] for cell in cells if "milliseconds" in cell} == {"fp32", "fp16", "int8"}
        for query in ("?variant=int8", ""):
            with urllib.request.urlopen(f"{address}.zip{query}") as answer:
                names = set(zipfile.ZipFile(io.BytesIO(answer.read())).namelist())
            listed = bundle.all_files("int8" if query else None)
            assert names == {f"gan-fashion/{path}" for path in (MANIFEST, *(file.path for file in listed))}
    assert len(hub_stand_in.sent) == len(set(hub_stand_in.sent)), "nothing travels twice"


def test_a_public_model_that_is_no_bundle_is_served_by_its_name(hub_stand_in: HubStandIn, tmp_path: Path) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    cache = str(tmp_path / "cache")
    with serving("--models", "someone/lama", GENHUB_CACHE=cache, GENHUB_PROVIDER="cpu") as hub:
        (row,) = Client(hub.url, verbose=False).predict(api_name="/models")
        assert (row["id"], row["task"], row["adapter"]) == ("lama", "inpaint", "lama")
        assert status(f"{hub.url}/card/lama") == 200
        assert status(f"{hub.url}/download/lama/lama_fp32.onnx") == 200
        assert status(f"{hub.url}/download/lama/lama.onnx") == 404, "it is in the repository, and not of the model"

"""What the Models tab draws, for every task of the contract and for a manifest that means harm."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hub.contract import TASKS, Bundle, Metric, read_bundle
from hub.runtime.benchmarks import Benchmarks
from hub.runtime.engine import Engine
from hub.tabs.models.about import about, heading
from hub.tabs.models.code import show
from hub.tabs.models.files import files
from hub.tabs.models.rows import headline, metric_row, rows
from hub.tabs.models.table import quality, table
from tests.hub.foreign_models import lama_repository
from tests.hub.tiny_bundle import write_tiny_bundle
from tests.hub_stand_in import HubStandIn


class Tags(HTMLParser):
    """The tags of a page, and where its links and pictures point."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.addresses: list[str] = []
        self.unclosed: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not any(name.startswith("on") for name, _ in attrs), attrs
        if tag not in ("img", "br"):
            self.unclosed.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.unclosed.pop() == tag


def drawn(engine: Engine) -> list[Tags]:
    model = next(iter(engine.models.values()))
    listed = table(rows(engine, Benchmarks()), model.bundle.id, engine.missing)
    pages = [listed, heading(model), about(model), files(model)]
    return [Tags(page) for page in pages]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_drawn_and_points_only_at_what_the_manifest_lists(
    task: str, stand_in: Callable[[str], Path]
) -> None:
    folder = stand_in(task)
    bundle = read_bundle(folder)
    listed = {file.path for file in bundle.all_files()}
    pages = drawn(Engine([folder]))
    for page in pages:
        assert page.unclosed == []
    for address in (address for page in pages for address in page.addresses):
        found = re.fullmatch(rf"(?:card|download)/{bundle.id}(?:\.zip(?:\?variant=fp32)?|/(.+))?", address)
        assert found is not None, address
        assert found[1] is None or found[1] in listed
    downloads = {address for address in pages[3].addresses if not address.partition("?")[0].endswith(".zip")}
    assert downloads == {f"download/{bundle.id}/{path}" for path in listed}


def test_what_is_left_out_is_named_below_the_table(tiny_bundle: Path) -> None:
    engine = Engine([tiny_bundle])
    engine.missing["theirs"] = "example.org has no repository <b>me/theirs</b> to show."
    listed = table(rows(engine, Benchmarks()), "tiny", engine.missing)
    assert "<b>theirs</b> is left out. example.org has no repository &lt;b&gt;me/theirs" in listed
    assert Tags(listed).unclosed == []


def test_an_adapted_model_is_drawn_without_what_it_cannot_give(hub_stand_in: HubStandIn) -> None:
    hub_stand_in.add("someone/lama", lama_repository())
    engine = Engine(["someone/lama"])
    (row,) = rows(engine, Benchmarks())
    assert (row["adapter"], row["download"], row["variants"][0]["download"]) == ("lama", None, None)
    assert row["variants"][0]["parity"] == "unmeasured"
    downloads = [address for page in drawn(engine) for address in page.addresses if address.startswith("download")]
    assert downloads == ["download/lama/lama_fp32.onnx", "download/lama/README.md"], "no ZIP that would be a bundle"
    model = engine.model("lama")
    _, fetched, said = show(model, "http://127.0.0.1:7860", "python", "fp32")
    assert fetched["visible"] is False and "someone/lama" in said["value"]  # type: ignore[index]


def test_a_manifest_s_own_words_never_become_tags(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path, examples=1)
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    metric = Metric(
        name=evil, subject=evil, value=1, unit=evil, higher_is_better=True, dataset=evil, split=evil, seeds=(0,),
        evaluator=evil, baselines={evil: 2.0},
    )  # fmt: skip
    source = bundle.data[0].model_copy(update=dict.fromkeys(("name", "version", "licence", "split"), evil))
    hostile = bundle.model_copy(
        update={
            "title": evil,
            "description": evil,
            "licence": evil,
            "data": (source,),
            "metrics": (metric, metric.model_copy(update={"subject": ""})),
            "training": {"command": evil, "steps": 1},
            "git_commit": evil,
            "variants": {"fp32": bundle.variants["fp32"].model_copy(update={"metric_delta": {evil: 0.5}})},
        }
    )
    (tmp_path / "bundle.json").write_text(Bundle.model_validate(hostile.model_dump()).to_json())
    for page in drawn(Engine([tmp_path])):
        assert page.unclosed == [] and "script" not in page.opened
        assert all(address.startswith(("card/tiny", "download/tiny")) for address in page.addresses)


def test_the_headline_is_what_the_task_s_models_share_else_what_has_a_baseline(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    plain = bundle.metrics[0].model_copy(update={"name": "speed", "baselines": {}})
    shared = plain.model_copy(update={"name": "Fréchet distance of samples"})
    part = shared.model_copy(update={"subject": "boots"})

    def of(*metrics: Metric) -> Metric | None:
        return headline(bundle.model_copy(update={"metrics": metrics}))

    assert of(part, bundle.metrics[0], shared) == shared
    assert of(plain, bundle.metrics[0]) == bundle.metrics[0]
    assert of(plain, part) == plain
    assert of(part) is None


def test_a_number_stands_beside_the_first_of_its_baselines_on_the_same_pictures(tiny_bundle: Path) -> None:
    metric = read_bundle(tiny_bundle).metrics[0].model_copy(update={"value": 37.7})

    def cell(**baselines: float) -> str:
        chosen = metric.model_copy(update={"baselines": baselines})
        return quality(metric_row(chosen))

    fewer = {"BM3D, 28 pictures": 38.2, "this model, 28 pictures": 38.5, "the noisy picture": 24.9}
    assert "<b>38.5</b>" in cell(**fewer) and "BM3D, 28 pictures: 38.2<" in cell(**fewer)
    told = {"BM3D, told the spectrum": 35.0, "this model, 28 pictures": 38.5}
    assert "<b>37.7</b>" in cell(**told) and "told the spectrum: 35<" in cell(**told)
    assert "<b>37.7</b>" in cell() and "no baseline" in cell()

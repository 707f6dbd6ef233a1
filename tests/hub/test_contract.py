"""``hub.contract``: what a manifest may say, and in which words it is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.contract import MANIFEST, SCHEMA_VERSION, TASKS, Bundle, Graph, parse_bundle, read_bundle
from hub.errors import BundleError
from tests.hub.sentence import sentence

Manifest = dict[str, Any]
NOISE = {"kind": "gaussian noise", "lowest": 0, "highest": 55}
NUMBERS = {"height": 16, "width": 24, "channels": 3, "latent": 4, "classes": 2, "embedding": 5} | {
    "style_height": 8,
    "style_width": 8,
}


def manifest(task: str, *, every_part: bool = True) -> Manifest:
    """A valid manifest of ``task`` as plain data: with every optional graph and port, or with none."""

    def ports(side: tuple[Any, ...]) -> list[Manifest]:
        return [
            {
                "name": port.name,
                "dtype": port.dtype,
                "shape": [NUMBERS.get(str(size), size) for size in port.shape],
                "range": port.range,
            }
            for port in side
            if every_part or not port.optional
        ]

    graphs = {
        name: {"inputs": ports(graph.inputs), "outputs": ports(graph.outputs)}
        for name, graph in TASKS[task].items()
        if every_part or not graph.optional
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "id": f"a-{task}",
        "title": "A model",
        "family": "none",
        "task": task,
        "description": "Nothing.",
        "licence": "MIT",
        "data": [{"name": "noise", "version": "1", "licence": "MIT"}],
        "training": {"steps": 10},
        "git_commit": "0" * 40,
        "created": "2025-01-01T00:00:00Z",
        "parameters": 1,
        "image": {"height": 16, "width": 24, "channels": 3},
        "labels": ["cat", "dog"],
        "restores": NOISE if task == "translate" and every_part else None,
        "graphs": graphs,
        "variants": {
            "fp32": {
                "files": {
                    name: {"path": f"onnx/{name}.onnx", "sha256": "a" * 64, "bytes": 1} for name in graphs
                },
                "opset": 18,
                "ir_version": 10,
                "parity": {name: {"max_abs": 0} for name in graphs},
                "web": True,
            }
        },
        "defaults": {"cpu": "fp32", "cuda": "fp32", "web": "fp32"},
    }  # fmt: skip


def decoder(raw: Manifest) -> Manifest:
    graph: Manifest = raw["graphs"]["decoder"]
    return graph


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("every_part", [True, False])
def test_a_valid_manifest_of_every_task_is_accepted_and_survives_json(task: str, every_part: bool) -> None:
    bundle = parse_bundle(json.dumps(manifest(task, every_part=every_part)))
    assert parse_bundle(bundle.to_json()) == bundle
    assert bundle.task == task


def test_labels_alone_make_no_model_conditional() -> None:
    """They may be those that a judge tells apart."""
    raw = manifest("sample")
    assert parse_bundle(json.dumps(raw)).conditional
    decoder(raw)["inputs"].pop(1)
    assert not parse_bundle(json.dumps(raw)).conditional
    del raw["graphs"]["judge"], raw["variants"]["fp32"]["files"]["judge"], raw["variants"]["fp32"]["parity"]["judge"]
    assert not parse_bundle(json.dumps(raw)).conditional


@pytest.mark.parametrize("labels", [[], ["cat"], ["cat", "dog", "cow"]])
def test_a_judge_tells_apart_exactly_the_classes_that_are_named(labels: list[str]) -> None:
    raw = manifest("sample") | {"labels": labels}
    decoder(raw)["inputs"].pop(1)
    with pytest.raises(BundleError, match="'judge' tells classes apart" if not labels else "classes is") as refused:
        parse_bundle(json.dumps(raw))
    sentence(refused.value)


@pytest.mark.parametrize("task", TASKS)
def test_within_a_graph_every_port_has_its_own_name(task: str) -> None:
    for name, graph in TASKS[task].items():
        names = [port.name for port in graph.ports()]
        assert len(names) == len(set(names)), (task, name, names)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_begins_with_a_graph_that_it_cannot_do_without(task: str) -> None:
    assert not next(iter(TASKS[task].values())).optional


@pytest.mark.parametrize("task", TASKS)
def test_the_first_axis_of_every_port_is_the_batch(task: str) -> None:
    assert all(port.shape[0] == "batch" for graph in TASKS[task].values() for port in graph.ports())


def test_sizes_may_stay_open_where_the_image_is_dynamic() -> None:
    raw = manifest("translate")
    raw["image"] |= {"dynamic": True, "multiple": 8}
    for graph in raw["graphs"].values():
        for port in (*graph["inputs"], *graph["outputs"]):
            port["shape"][1:3] = ["height", "width"][: len(port["shape"]) - 1]
    assert parse_bundle(json.dumps(raw)).image.multiple == 8


def _drop(*keys: str) -> Callable[[Manifest], None]:
    def change(raw: Manifest) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        del raw[keys[-1]]

    return change


def _set(value: object, *keys: str | int) -> Callable[[Manifest], None]:
    def change(raw: Any) -> None:
        for key in keys[:-1]:
            raw = raw[key]
        raw[keys[-1]] = value

    return change


def _directions(*vectors: list[float]) -> Callable[[Manifest], None]:
    def change(raw: Manifest) -> None:
        raw["directions"] = [{"name": "smile", "vector": vector, "auroc": 0.9} for vector in vectors]

    return change


VIOLATIONS: dict[str, tuple[Callable[[Manifest], None], str]] = {
    "direction of another length": (_directions([1, 2, 3]), "'smile' has 3 numbers, latents have 4"),
    "direction with NaN": (_directions([1, 2, 3, float("nan")]), "directions.0.vector.3"),
    "direction that leads nowhere": (_directions([0, 0, 0, 0]), "'smile' leads nowhere"),
    "two directions of a name": (_directions([1, 2, 3, 4], [4, 3, 2, 1]), "two directions have the same name"),
    "direction without a name": (
        _set([{"name": "", "vector": [1, 2, 3, 4], "auroc": 0.9}], "directions"),
        "directions.0.name",
    ),
    "direction better than perfect": (
        _set([{"name": "smile", "vector": [1, 2, 3, 4], "auroc": 1.1}], "directions"),
        "directions.0.auroc",
    ),
    "unknown task": (_set("juggle", "task"), "'juggle' is not one of sample, translate"),
    "missing graph": (_drop("graphs", "decoder"), "needs a graph 'decoder'"),
    "unknown graph": (lambda raw: raw["graphs"].update(extra=raw["graphs"]["prior"]), "has no graph 'extra'"),
    "missing input": (lambda raw: decoder(raw)["inputs"].pop(0), "has inputs ['label'], its task needs ['z', 'label']"),
    "missing output": (_set([], "graphs", "decoder", "outputs"), "has outputs [], its task needs ['image']"),
    "inputs in another order": (lambda raw: decoder(raw)["inputs"].reverse(), "has inputs ['label', 'z']"),
    "one input twice": (
        lambda raw: decoder(raw)["inputs"].append(decoder(raw)["inputs"][0]),
        "has inputs ['z', 'label', 'z']",
    ),
    "wrong dtype": (_set("float32", "graphs", "decoder", "outputs", 0, "dtype"), "'decoder.image' is float32"),
    "dtype of no task": (_set("float64", "graphs", "decoder", "outputs", 0, "dtype"), "graphs.decoder.outputs.0.dtype"),
    "wrong range": (_set([0, 1], "graphs", "decoder", "outputs", 0, "range"), "has the range (0.0, 1.0)"),
    "wrong rank": (_set(["batch", 4, 1], "graphs", "decoder", "inputs", 0, "shape"), "has 3 dimensions"),
    "fixed batch": (_set([1, 4], "graphs", "decoder", "inputs", 0, "shape"), "has the dimension 1 where"),
    "latent of no length": (_set(["batch", 0], "graphs", "decoder", "inputs", 0, "shape"), "has the dimension 0"),
    "open latent": (_set(["batch", "latent"], "graphs", "decoder", "inputs", 0, "shape"), "has the dimension 'latent'"),
    "clashing latents": (_set(["batch", 9], "graphs", "encoder", "outputs", 0, "shape"), "says latent is 9"),
    "latent_dim of another length": (_set(5, "latent_dim"), "says latent is 4, another port says 5"),
    "other channels than the image": (_set(1, "image", "channels"), "says channels is 3"),
    "other height than the image": (_set(64, "image", "height"), "says height is 16"),
    "open sizes without the flag": (
        _set(["batch", "height", "width", 3], "graphs", "decoder", "outputs", 0, "shape"),
        "image.dynamic is false",
    ),
    "labels without names": (_set([], "labels"), "takes a label, but the bundle names no labels"),
    "one label twice": (_set(["cat", "cat"], "labels"), "two labels have the same name"),
    "no fp32": (lambda raw: raw["variants"].update(fp16=raw["variants"].pop("fp32")), "there is no fp32 variant"),
    "no variant at all": (_set({}, "variants"), "there is no fp32 variant"),
    "unknown precision": (lambda raw: raw["variants"].update(q4=raw["variants"]["fp32"]), "variants.q4"),
    "default that is not there": (_set("int8", "defaults", "cpu"), "the default for cpu is 'int8'"),
    "default for no device": (_set("fp32", "defaults", "toaster"), "defaults.toaster"),
    "graph without a file": (_drop("variants", "fp32", "files", "prior"), "variant 'fp32' has files for"),
    "graph without parity": (_drop("variants", "fp32", "parity", "prior"), "variant 'fp32' has parity for"),
    "one path, two hashes": (
        _set([{"path": "onnx/decoder.onnx", "sha256": "b" * 64, "bytes": 1}], "files"),
        "onnx/decoder.onnx is listed twice",
    ),
    "path out of the folder": (
        _set("../decoder.onnx", "variants", "fp32", "files", "decoder", "path"),
        "not one inside",
    ),
    "path out by a detour": (_set("onnx/../../x", "variants", "fp32", "files", "decoder", "path"), "not one inside"),
    "absolute path": (_set("/etc/passwd", "variants", "fp32", "files", "decoder", "path"), "not one inside"),
    "windows path": (_set("C:\\x.onnx", "variants", "fp32", "files", "decoder", "path"), "not one inside"),
    "backslash path": (_set("..\\x.onnx", "variants", "fp32", "files", "decoder", "path"), "not one inside"),
    "empty path": (_set("", "variants", "fp32", "files", "decoder", "path"), "not one inside"),
    "path with a line break": (_set("a\nb.onnx", "variants", "fp32", "files", "decoder", "path"), "not one inside"),
    "short hash": (_set("abc", "variants", "fp32", "files", "decoder", "sha256"), "files.decoder.sha256"),
    "negative size": (_set(-1, "variants", "fp32", "files", "decoder", "bytes"), "files.decoder.bytes"),
    "unknown field": (_set("?", "colour"), "colour"),
    "unknown field within": (_set("?", "image", "colour"), "image.colour"),
    "missing field": (_drop("title"), "title"),
    "id that is no id": (_set("../../etc", "id"), "at id"),
    "five channels": (_set(5, "image", "channels"), "image.channels"),
    "no pixels": (_set(0, "image", "height"), "image.height"),
    "a number that is none": (_set(float("nan"), "threshold"), "threshold"),
}


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_manifest_that_breaks_the_contract_is_refused_in_one_sentence_that_says_where(violation: str) -> None:
    change, told = VIOLATIONS[violation]
    raw = manifest("sample")
    change(raw)
    with pytest.raises(BundleError) as refused:
        parse_bundle(json.dumps(raw))
    assert told in sentence(refused.value)


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (SCHEMA_VERSION + 1, "please update"),
        (0, "reads version 1"),
        (None, "reads version 1"),
        ("1", "reads version 1"),
    ],
)
def test_another_schema_version_is_refused_before_anything_else_is_read(version: object, told: str) -> None:
    with pytest.raises(BundleError) as refused:
        parse_bundle(json.dumps({"schema_version": version, "hats": 3}))
    assert told in sentence(refused.value)


@pytest.mark.parametrize("text", ["", "{", "<html>", "\ufeff{}", "[" * 100_000])
def test_text_that_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match="is not JSON") as refused:
        parse_bundle(text)
    sentence(refused.value)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"bundle"', "{}"])
def test_json_that_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(BundleError, match="schema version None") as refused:
        parse_bundle(text)
    sentence(refused.value)


def test_a_manifest_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(b'{"title": "\xff\xfe"}')
    with pytest.raises(BundleError, match="not UTF-8") as refused:
        read_bundle(tmp_path)
    sentence(refused.value)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle") as refused:
        read_bundle(tmp_path)
    sentence(refused.value)


def test_a_bundle_on_disk_reads_as_it_was_written(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    assert Bundle.model_validate_json((tiny_bundle / MANIFEST).read_text()) == bundle
    assert bundle.latent_dim == 8


def test_all_files_names_each_file_once_and_keeps_to_one_variant_when_asked() -> None:
    raw = manifest("sample")
    fp32 = raw["variants"]["fp32"]
    half = {"path": "onnx/decoder_fp16.onnx", "sha256": "c" * 64, "bytes": 1}
    raw["variants"]["fp16"] = fp32 | {"files": fp32["files"] | {"decoder": half}}
    raw["files"] = [{"path": "README.md", "sha256": "b" * 64, "bytes": 1}]
    bundle = parse_bundle(json.dumps(raw))
    shared = ["onnx/encoder.onnx", "onnx/judge.onnx", "onnx/prior.onnx", "README.md"]
    assert sorted(file.path for file in bundle.all_files("fp16")) == sorted(["onnx/decoder_fp16.onnx", *shared])
    assert sorted(file.path for file in bundle.all_files()) == sorted(
        ["onnx/decoder.onnx", "onnx/decoder_fp16.onnx", *shared]
    )


def test_a_manifest_cannot_be_changed_after_it_was_checked() -> None:
    bundle = parse_bundle(json.dumps(manifest("sample")))
    with pytest.raises(ValueError, match="frozen"):
        bundle.task = "swap"


def test_a_graph_walks_its_ports_inputs_first() -> None:
    graph: Graph = TASKS["anomaly"]["detector"]
    assert [port.name for port in graph.ports()] == ["image", "label", "score", "heatmap"]


def test_a_translator_can_say_what_it_turns_into_what() -> None:
    assert parse_bundle(json.dumps(manifest("translate"))).sides is None
    named = parse_bundle(json.dumps(manifest("translate") | {"sides": ["outline", "colour"]}))
    assert named.sides == ("outline", "colour") and parse_bundle(named.to_json()) == named
    for task, sides in (("sample", ["a", "b"]), ("translate", ["a"]), ("translate", ["a", ""]), ("translate", "ab")):
        with pytest.raises(BundleError):
            parse_bundle(json.dumps(manifest(task) | {"sides": sides}))


def test_a_translator_can_say_what_it_restores() -> None:
    raw = manifest("translate") | {"restores": NOISE, "reach": 30}
    bundle = parse_bundle(json.dumps(raw))
    assert bundle.restores is not None and bundle.restores.highest == 55 and bundle.reach == 30
    assert parse_bundle(bundle.to_json()) == bundle
    plain = parse_bundle(json.dumps(manifest("translate", every_part=False)))
    assert plain.restores is None and plain.reach is None


def test_only_who_restores_can_be_told_how_much_of_it_there_is() -> None:
    raw = manifest("translate")
    assert parse_bundle(json.dumps(raw)).told
    assert not parse_bundle(json.dumps(manifest("translate", every_part=False))).told
    with pytest.raises(BundleError, match="takes a level, but the bundle does not say of what") as refused:
        parse_bundle(json.dumps(raw | {"restores": None}))
    sentence(refused.value)
    [_, told] = raw["graphs"]["translator"]["inputs"]
    raw["graphs"]["translator"]["inputs"].remove(told)
    with pytest.raises(BundleError, match="graph 'meter' reads a level, but graph 'translator' takes none") as refused:
        parse_bundle(json.dumps(raw))
    sentence(refused.value)


@pytest.mark.parametrize(
    ("task", "restores", "told"),
    [
        ("sample", NOISE, "only a 'translate' model"),
        ("translate", NOISE | {"kind": "old age"}, "restores.kind"),
        ("translate", NOISE | {"highest": 0}, "restores.highest"),
        ("translate", NOISE | {"lowest": 60}, "from 60 to 55"),
    ],
)
def test_what_cannot_be_restored_is_refused(task: str, restores: Manifest, told: str) -> None:
    with pytest.raises(BundleError) as refused:
        parse_bundle(json.dumps(manifest(task) | {"restores": restores}))
    assert told in sentence(refused.value)

"""What holds of snippets in every language: they name real files, speak correct C#, and nothing in them breaks out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import tree_sitter_c_sharp
from tree_sitter import Language, Node, Parser

from hub.catalog import catalog_ids
from hub.contract import TASKS, Bundle, read_bundle
from hub.errors import RequestError
from hub.snippets import LANGUAGES, snippets
from hub.snippets.plan import RUNS
from hub.weights import resolve
from tests.hub.sentence import sentence

HUB = "http://127.0.0.1:7860"


def test_every_task_of_the_contract_has_a_plan() -> None:
    assert RUNS.keys() == TASKS.keys()
    assert all(set(graphs) <= TASKS[task].keys() for task, graphs in RUNS.items())


@pytest.mark.parametrize("name", catalog_ids())
def test_every_language_runs_the_files_of_the_variant_and_no_others(name: str) -> None:
    bundle = resolve(name).bundle
    for variant, made in bundle.variants.items():
        written = snippets(bundle, variant, HUB)
        expected = {file.path for graph, file in made.files.items() if graph in RUNS[bundle.task]}
        for language in LANGUAGES:
            assert set(re.findall(r'"(onnx/[^"]+)"', written[language])) == expected


def parsed(program: str) -> Node:
    return Parser(Language(tree_sitter_c_sharp.language())).parse(program.encode()).root_node


@pytest.mark.parametrize("task", TASKS)
def test_the_c_sharp_of_every_task_is_c_sharp(task: str, stand_in: Callable[[str], Path]) -> None:
    bundle = read_bundle(stand_in(task))
    for files in (bundle.files, ()):
        program = snippets(bundle.model_copy(update={"files": files}), "fp32", HUB)["csharp"]
        assert not parsed(program).has_error, program
        assert program.count("CreateFromTensor(") == sum(
            len(bundle.graphs[graph].inputs) for graph in RUNS[task] if graph in bundle.graphs
        )
    assert parsed("var x = new[] { 1, 2 ;").has_error, "the parser sees mistakes"


@pytest.mark.parametrize("name", catalog_ids())
def test_the_c_sharp_of_every_bundle_that_ships_is_c_sharp(name: str) -> None:
    for variant in resolve(name).bundle.variants:
        assert not parsed(snippets(resolve(name).bundle, variant, HUB)["csharp"]).has_error


def test_a_bundle_s_own_words_never_become_code(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    evil = 'onnx/"); import os; os.abort(); ("</script><script>alert(1)</script>.onnx'
    files = {
        name: file.model_copy(update={"path": evil if name == "decoder" else file.path})
        for name, file in bundle.variants["fp32"].files.items()
    }
    variant = bundle.variants["fp32"].model_copy(update={"files": files})
    hostile = bundle.model_copy(update={"title": "</title><script>alert(1)</script>", "variants": {"fp32": variant}})
    written = snippets(Bundle.model_validate(hostile.model_dump()), "fp32", HUB)
    compile(written["python"], "pasted", "exec")
    assert "import os" in written["python"] and not re.search(r"^\s*import os", written["python"], re.MULTILINE)
    assert written["javascript"].count("<script") == 1 and written["javascript"].count("</script>") == 1
    assert not parsed(written["csharp"]).has_error


@pytest.mark.parametrize(
    "hub", ["", "here", "file:///etc/passwd", 'http://x"; rm -rf ~; "', "http://$(whoami)", "http://a b", None, 7]
)
def test_what_is_no_address_is_refused_and_never_written_into_a_shell(tiny_bundle: Path, hub: object) -> None:
    with pytest.raises(RequestError) as refused:
        snippets(read_bundle(tiny_bundle), "fp32", hub)  # type: ignore[arg-type]
    assert "address" in sentence(refused.value)


def test_a_variant_that_is_not_there_is_refused_naming_those_that_are(tiny_bundle: Path) -> None:
    with pytest.raises(RequestError) as refused:
        snippets(read_bundle(tiny_bundle), "int8", HUB)
    assert "fp32" in sentence(refused.value)


def test_a_page_says_when_the_browser_lacks_an_operator(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    lacking = bundle.variants["fp32"].model_copy(update={"web": False})
    page = snippets(bundle.model_copy(update={"variants": {"fp32": lacking}}), "fp32", HUB)["javascript"]
    assert "choose another variant" in page

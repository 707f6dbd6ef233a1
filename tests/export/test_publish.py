"""``genhub publish`` with the real client against a Hub on this machine: one commit that is the bundle, or none."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from export.bundle import Written
from export.cli import publish as command
from export.publish import plan, publish
from hub import open_model
from hub.catalog import EMBEDDED, catalog_ids
from hub.contract import MANIFEST
from hub.errors import HubError
from hub.settings import settings
from hub.weights import fingerprint, resolve
from tests.hub.sentence import sentence
from tests.hub_stand_in import READ_ONLY, TOKEN, HubStandIn, files_of

REPO = "me/stand-in"
GITATTRIBUTES = ".gitattributes"
SECRET = "hf_" + "aBcDeFgHiJkLmNoPq" * 2
"""As long as the Hub's own."""


@pytest.fixture
def folder(written: Written, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written.folder, tmp_path / "bundle"))


@pytest.fixture(autouse=True)
def owner(hub_stand_in: HubStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("GENHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GENHUB_PROVIDER", "cpu")
    settings.cache_clear()
    yield hub_stand_in
    settings.cache_clear()


def refusal(folder: Path, repo: str = REPO) -> str:
    with pytest.raises(HubError) as refused:
        publish(plan(folder), repo)
    return sentence(refused.value)


def test_the_repository_becomes_exactly_the_bundle_in_one_tagged_commit(folder: Path, owner: HubStandIn) -> None:
    published = publish(plan(folder), REPO)
    repo = owner.repos[REPO]
    assert len(repo.commits) == 2  # the Hub's own first, and ours
    assert published.revision == repo.main and published.new
    there = dict(repo.commits[repo.main])
    del there[GITATTRIBUTES]
    assert there == files_of(folder)
    assert repo.refs[published.tag] == repo.main
    assert published.tag == f"schema1-{fingerprint(folder)[:12]}"
    assert not repo.private


def test_what_was_published_opens_by_its_name_and_at_its_revision(folder: Path) -> None:
    published = publish(plan(folder), REPO)
    expected = open_model(folder).sample(count=3)
    assert (open_model(REPO).sample(count=3) == expected).all()
    assert (open_model(f"{REPO}@{published.revision}").sample(count=3) == expected).all()
    assert (open_model(f"{REPO}@{published.tag}").sample(count=3) == expected).all()


def test_the_card_tells_the_hub_licence_tags_and_measured_quality(folder: Path, owner: HubStandIn) -> None:
    publish(plan(folder), REPO)
    header: Any = ModelCard(owner.repos[REPO].commits[owner.repos[REPO].main]["README.md"].decode()).data
    assert header.license == "mit" and header.library_name == "onnx"
    assert {"generative-hub", "onnx", "sample"} <= set(header.tags)
    result = header.eval_results[0]
    assert (result.metric_name, result.metric_value, result.dataset_split) == ("Reconstruction PSNR", 21.5, "test")
    assert any(path.startswith("examples/") for path in owner.repos[REPO].commits[owner.repos[REPO].main])


def test_publishing_the_same_again_makes_no_commit(folder: Path, owner: HubStandIn) -> None:
    first = publish(plan(folder), REPO)
    again = publish(plan(folder), REPO)
    assert (again.revision, again.tag, again.new) == (first.revision, first.tag, False)
    assert len(owner.repos[REPO].commits) == 2


def test_a_new_version_is_one_more_commit_with_a_tag_of_its_own_and_no_leftovers(
    folder: Path, owner: HubStandIn
) -> None:
    first = publish(plan(folder), REPO)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"] = [file for file in manifest["files"] if file["path"] != "examples/01.png"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (folder / "notes.txt").write_text("private, and in no manifest")
    second = publish(plan(folder), REPO)
    repo = owner.repos[REPO]
    assert len(repo.commits) == 3 and second.tag != first.tag
    assert {repo.refs[first.tag], repo.refs[second.tag]} == {first.revision, second.revision}
    assert not {"examples/01.png", "notes.txt"} & repo.commits[repo.main].keys()
    assert resolve(f"{REPO}@{first.revision}").bundle != resolve(REPO).bundle


def test_a_private_repository_opens_for_who_has_a_token(
    folder: Path, owner: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command([str(folder), "--repo", REPO, "--private"]) == 0
    assert owner.repos[REPO].private
    assert resolve(REPO).source == "hub"
    shutil.rmtree(Path(resolve(REPO).folder).parents[2])
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="if it is private, set HF_TOKEN"):
        resolve(REPO)


def test_a_dry_run_asks_nobody(folder: Path, owner: HubStandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert command([str(folder), "--repo", REPO, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "licence mit" in said and "Reconstruction PSNR 21.5 on Boxes" in said and "nothing was sent" in said
    assert "onnx/decoder.onnx" in said
    assert owner.requests == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("tampered", "does not match its sha256"),
        ("missing", "is missing"),
        ("no card", "has no README.md"),
        ("no licence", "names no licence"),
        ("token in the card", "The README.md of 'stand-in-boxes' holds what looks like a token"),
        ("token in the manifest", "The bundle.json of 'stand-in-boxes' holds what looks like a token"),
    ],
)
def test_a_bundle_that_is_not_right_is_not_sent(harm: str, said: str, folder: Path, owner: HubStandIn) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    match harm:
        case "tampered":
            graph = folder / "onnx/decoder.onnx"
            graph.write_bytes(graph.read_bytes()[:-1] + b"!")
        case "missing":
            (folder / "model.safetensors").unlink()
        case "no card":
            manifest["files"] = [file for file in manifest["files"] if file["path"] != "README.md"]
        case "no licence":
            from tests.hub.tiny_bundle import describe

            (folder / "README.md").write_text("---\ntags:\n- onnx\n---\n# Mine\n")
            card = describe(folder / "README.md", folder).model_dump()
            manifest["files"] = [card if file["path"] == "README.md" else file for file in manifest["files"]]
        case "token in the card":
            from tests.hub.tiny_bundle import describe

            (folder / "README.md").write_text(f"---\nlicense: mit\n---\nexport HF_TOKEN={SECRET}\n")
            card = describe(folder / "README.md", folder).model_dump()
            manifest["files"] = [card if file["path"] == "README.md" else file for file in manifest["files"]]
        case "token in the manifest":
            manifest["training"]["data"] = f"https://user:{SECRET}@example.org/pictures"
    (folder / MANIFEST).write_text(json.dumps(manifest))
    refused = refusal(folder)
    assert said in refused and SECRET not in refused
    assert owner.requests == []


@pytest.mark.parametrize("token", [None, READ_ONLY, "hf_wrong"])
def test_who_may_not_write_is_told(token: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    assert f"does not let us write to {REPO}" in refusal(folder)


def test_something_else_s_repository_is_left_alone(folder: Path, owner: HubStandIn) -> None:
    owner.add("me/photos", {"README.md": b"my photos", "cat.png": b"precious"})
    assert "holds something else than a bundle" in refusal(folder, "me/photos")
    assert len(owner.repos["me/photos"].commits) == 1


@pytest.mark.parametrize(
    ("pattern", "method", "status", "said"),
    [
        ("/commit/", "POST", 500, "(status 500)"),
        ("/lfs/", "PUT", 403, "does not let us write"),
        ("validate-yaml", "POST", 400, "its card breaks the Hub's rules"),
        ("/commit/", "POST", 412, "changed by somebody else"),
    ],
)
def test_what_fails_on_the_way_leaves_the_repository_as_it_was(
    pattern: str, method: str, status: int, said: str, folder: Path, owner: HubStandIn
) -> None:
    owner.fail(pattern, method=method, status=status, times=99)
    assert said in refusal(folder)
    assert [list(files) for files in owner.repos[REPO].commits.values()] == [[GITATTRIBUTES]]
    assert set(owner.repos[REPO].refs) == {"main"}
    owner.faults.clear()
    assert publish(plan(folder), REPO).new


@pytest.mark.parametrize("repo", ["nobody", "a/b/c", "me/..", ""])
def test_a_name_that_is_none_is_one_sentence(repo: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command([str(folder), "--repo", repo]) == 2
    sentence(ValueError(capsys.readouterr().err.removesuffix("\n")))


def test_with_the_server_down_it_says_so(folder: Path, owner: HubStandIn) -> None:
    owner.__exit__()
    assert "cannot be reached" in refusal(folder)


def test_a_catalog_is_pinned_and_the_rest_of_it_stays(
    folder: Path, owner: HubStandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = tmp_path / "mine.toml"
    catalog.write_text("# My models.\n\n[other]\nembedded = true  # ships\n")
    assert command([str(folder), "--repo", REPO, "--catalog", str(catalog)]) == 0
    text = catalog.read_text()
    assert text.startswith("# My models.\n\n[other]\nembedded = true  # ships\n")
    pinned = tomllib.loads(text)["stand-in-boxes"]
    assert pinned == {"repo": REPO, "revision": owner.repos[REPO].main, "manifest": fingerprint(folder)}
    assert f'revision = "{owner.repos[REPO].main}"' in capsys.readouterr().out


def test_the_whole_catalog_goes_to_one_account_and_comes_back_without_a_word(
    owner: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "catalog.toml"
    shutil.copy(EMBEDDED.parent / "catalog.toml", catalog)
    monkeypatch.setenv("GENHUB_CATALOG", str(catalog))
    settings.cache_clear()
    names = catalog_ids()
    assert command(["--all", "--namespace", "me"]) == 0
    assert set(owner.repos) == {f"me/{name}" for name in names}
    entries = tomllib.loads(catalog.read_text())
    for name in names:
        assert entries[name]["embedded"] and entries[name]["revision"] == owner.repos[f"me/{name}"].main
    owner.requests.clear()
    ran = subprocess.run(
        [sys.executable, "-m", "hub.cli", "models"], capture_output=True, text=True, timeout=120
    )  # in a process that reads the new catalog
    for name in names:
        assert f"{name}: It ships with the package and equals me/{name}@" in ran.stdout, ran.stderr
    assert owner.requests == []


@pytest.mark.parametrize(
    "arguments",
    [[], ["--all"], ["--all", "--namespace", "me", "--repo", "me/x"], ["bundle"], ["bundle", "--namespace", "me"]],
)
def test_half_a_command_is_told_what_is_missing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(arguments) == 2
    assert "genhub publish" in sentence(ValueError(capsys.readouterr().err.removesuffix("\n")))


def test_the_token_is_nowhere_to_be_seen(folder: Path, owner: HubStandIn, capfd: pytest.CaptureFixture[str]) -> None:
    owner.fail("/commit/", method="POST", status=500)
    assert command([str(folder), "--repo", REPO]) == 2
    assert command([str(folder), "--repo", REPO]) == 0
    assert TOKEN not in "".join(capfd.readouterr())
    assert not any(TOKEN in address for _, address, _ in owner.requests)
    assert not any(TOKEN.encode() in content for content in owner.repos[REPO].commits[owner.repos[REPO].main].values())

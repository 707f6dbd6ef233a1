"""``hub.catalog``: which models there are, and where each may come from."""

from pathlib import Path

import pytest

from hub.catalog import Entry, catalog, catalog_ids
from hub.errors import HubError
from tests.hub.conftest import Turn
from tests.hub.sentence import sentence

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_catalog_names_models() -> None:
    assert catalog_ids()
    assert len(set(catalog_ids())) == len(catalog_ids())


def test_a_catalog_of_one_s_own_replaces_it(turn: Turn, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        f'[mine]\nfolder = "bundles/mine"\n[theirs]\nrepo = "a/b"\nrevision = "{COMMIT}"'
    )
    turn(catalog=tmp_path / "mine.toml")
    assert catalog_ids() == ("mine", "theirs")
    assert catalog()["mine"].folder == tmp_path / "bundles/mine"  # relative to the file, not to where one happens to be
    assert catalog()["theirs"].repository("theirs", None) == ("a/b", COMMIT)


def test_a_namespace_points_every_model_at_one_account() -> None:
    pinned = Entry(repo="them/vae", revision=COMMIT)
    assert pinned.repository("vae", "me") == ("me/vae", "main")
    assert pinned.repository("vae", "them") == ("them/vae", COMMIT)  # theirs anyway: the pin holds
    assert Entry(embedded=True).repository("vae", "me") == ("me/vae", "main")
    assert Entry(embedded=True).repository("vae", None) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]\n", "names no source"),
        ('[a]\nrepo = "a/b"', "a repo and its revision go together"),
        ('[a]\nrepo = "a/b"\nrevision = "main"', "a.revision"),
        (f'[a]\nembedded = true\nmanifest = "{"0" * 64}"', "pins a repo, and there is none"),
        ('[a]\nrepo = "nobody"\nrevision = "' + COMMIT + '"', "a.repo"),
        ("[a]\nembeded = true", "a.embeded"),
        ("['A b']\nembedded = true", "A b"),
        ("not toml", "cannot be read"),
        (None, "cannot be read: No such file"),
    ],
)
def test_a_catalog_that_says_what_it_may_not_is_one_sentence(
    text: str | None, message: str, turn: Turn, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "mine.toml").write_text(text)
    turn(catalog=tmp_path / "mine.toml")
    with pytest.raises(HubError) as refused:
        catalog()
    assert message in sentence(refused.value)

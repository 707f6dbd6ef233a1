"""``hub.catalog``: a name becomes a bundle, or a sentence."""

from pathlib import Path

import pytest

from hub.catalog import catalog_ids, locate
from hub.errors import BundleError, UnknownModelError
from tests.hub.sentence import sentence


def test_the_catalog_names_models() -> None:
    assert catalog_ids()
    assert len(set(catalog_ids())) == len(catalog_ids())


def test_a_folder_is_a_bundle_wherever_it_lies(tiny_bundle: Path) -> None:
    found = locate(str(tiny_bundle))
    assert (found.bundle.id, found.folder, found.source) == ("tiny", tiny_bundle, "folder")


@pytest.mark.parametrize("name", ["no-such-model", "x" * 10_000, "~nobody-of-that-name/x", "a\0b", "line\nbreak"])
def test_a_name_that_is_nothing_is_answered_with_what_there_is(name: str) -> None:
    with pytest.raises(UnknownModelError) as refused:
        locate(name)
    assert catalog_ids()[0] in sentence(refused.value)


def test_a_folder_that_is_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is no bundle") as refused:
        locate(tmp_path)
    sentence(refused.value)

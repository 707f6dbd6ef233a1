"""`genhub data build NAME`: each data set is built once, into one Parquet file in the user's cache."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.data import avatars, ct, emoji, fashion, pairs, photos
from training.data.attributes import Attribute
from training.data.dataset import DataInfo, read_info
from training.data.sources import Source, cache_dir, read_source
from training.errors import TrainingError


@dataclass(frozen=True)
class Builder:
    """How a data set is made, and of which pinned sources."""

    sources: tuple[str, ...]
    build: Callable[[list[Source], Path], DataInfo]
    attributes: tuple[Attribute, ...] = ()
    """What its labels and columns tell apart."""
    paired: bool = False
    """Whether each of its images has a source to be made from."""
    revision: int = 1
    """Of what it makes of its sources; a file of another is built again."""


def _emoji(name: str, title: str, collection: emoji.Collection) -> Callable[[list[Source], Path], DataInfo]:
    return lambda sources, path: emoji.build(sources, path, name, title, collection)


BUILDERS: dict[str, Builder] = {
    "avatars": Builder(("dicebear-core", "toon-head"), avatars.build, avatars.ATTRIBUTES),
    "ct": Builder(("invesalius",), ct.build, revision=ct.REVISION),
    "ct-lowdose": Builder(("invesalius",), ct.build_low_dose, paired=True, revision=ct.REVISION),
    "emoji": Builder(("noto", "emojibase"), _emoji("emoji", "Noto emoji", emoji.BASE)),
    "emoji-fluent": Builder(("fluent", "emojibase"), _emoji("emoji-fluent", "Fluent emoji, flat", emoji.BASE)),
    "emoji-people": Builder(
        ("noto", "emojibase"), _emoji("emoji-people", "Noto emoji of people", emoji.PEOPLE_PORTRAITS)
    ),
    "emoji-twemoji": Builder(("twemoji", "emojibase"), _emoji("emoji-twemoji", "Twemoji", emoji.BASE)),
    "fluent3d": Builder(("fluent", "fluent-3d", "emojibase"), pairs.build_fluent3d, paired=True),
    "fashion": Builder(("fashion",), lambda sources, path: fashion.build(sources[0], path), fashion.ATTRIBUTES),
    "noto-fluent": Builder(("noto", "fluent", "emojibase"), pairs.build_noto_fluent, paired=True),
    "openmoji": Builder(("openmoji",), pairs.build_openmoji, paired=True),
    "photos": Builder(("lomiri-16", "lomiri-20", "mate-backgrounds", "plasma-wallpapers", "endless-sky"), photos.build),
}

SIDES = {
    "ct-lowdose": ("low dose", "full dose"),
    "fluent3d": ("flat", "3D"),
    "noto-fluent": ("Noto", "Fluent"),
    "openmoji": ("outline", "colour"),
}
"""What the sources and the images of data sets of two kinds are called."""


def parquet_path(name: str) -> Path:
    """Where the built data set `name` lives."""
    return cache_dir() / "data" / f"{name}.parquet"


def attributes_of(name: str) -> tuple[Attribute, ...]:
    """What the data set `name` (or `name_tiny`, a slice of it) declares; nothing for a user's own."""
    builder = BUILDERS.get(name.removesuffix("_tiny"))
    return builder.attributes if builder else ()


def sides_of(name: str) -> tuple[str, str] | None:
    """What sources and images of the data set `name` (or `name_tiny`) are called; None where nobody has said."""
    return SIDES.get(name.removesuffix("_tiny"))


def build(name: str) -> tuple[DataInfo, bool]:
    """Build `name` unless it is there already, of the pinned version and of this revision.

    Returns its info and whether it was built now.
    """
    if name not in BUILDERS:
        raise TrainingError(f"There is no data set called {name!r}; there are: {', '.join(sorted(BUILDERS))}.")
    builder, path = BUILDERS[name], parquet_path(name)
    sources = [read_source(source) for source in builder.sources]
    if path.exists():
        try:
            info = read_info(path)
            if (info.version, info.revision) == (", ".join(each.version for each in sources), builder.revision):
                return info, False
        except TrainingError:
            pass  # damaged: building again is the cure
    return builder.build(sources, path), True

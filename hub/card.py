"""The model card as a page: the bundle's README.md, rendered, with its pictures."""

import re
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt

from hub import weights
from hub.contract import Bundle
from hub.errors import BundleError

CARD = "README.md"
PREVIEW = "preview.png"
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+\.png)\)")
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def listed_file(bundle: Bundle, folder: Path, path: str) -> Path | None:
    """The file ``path`` where the manifest lists it and its content is what the manifest says, else ``None``."""
    for file in bundle.files:
        if file.path == path:
            try:
                return weights.verify_file(folder, bundle, file)
            except BundleError:
                return None
    return None


def pictures(bundle: Bundle, folder: Path) -> list[tuple[str, str]]:
    """Path and caption of every picture that the card shows and the manifest lists; of a bundle without a card, its
    ``preview.png``.
    """
    card = listed_file(bundle, folder, CARD)
    named = PICTURE.findall(card.read_text(encoding="utf-8")) if card else []
    listed = {file.path for file in bundle.files}
    found = [(path, caption) for caption, path in named if path in listed]
    return found or [(PREVIEW, f"Pictures of {bundle.title}")] * (PREVIEW in listed)


def card_page(bundle: Bundle, folder: Path) -> str:
    """The card as one HTML page. Raw HTML in the card is shown as text: a card is somebody else's writing."""
    card = listed_file(bundle, folder, CARD)
    text = card.read_text(encoding="utf-8") if card else f"# {bundle.title}\n\n{bundle.description}\n"
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(FRONT_MATTER.sub("", text))
    # Pictures are named relative to the bundle; the page lies at /card/<id>, so they are one level down.
    body = re.sub(r'(<img src=")(?![a-z]+:|/)', rf"\g<1>{bundle.id}/", body)
    page = (Path(__file__).parent / "pages" / "card.html").read_text(encoding="utf-8")
    return page.replace("{{title}}", escape(bundle.title)).replace("{{body}}", body)

"""Code that runs a bundle without this package, generated from its manifest: one file a language.

``plan.py`` decides once which graphs run and what goes into them; ``python.py``, ``browser.py`` and ``csharp.py`` say
that in their language, ``shell.py`` fetches the files and speaks to a running hub.
"""

from collections.abc import Callable

from hub.contract import Bundle, VariantName
from hub.snippets import browser, csharp, python, shell
from hub.snippets.plan import Plan, plan

LANGUAGES: dict[str, Callable[[Plan], str]] = {
    "python": python.script,
    "javascript": browser.page,
    "csharp": csharp.program,
}
"""Language -> what writes it. Each runs in the folder that ``files`` makes."""


def snippets(bundle: Bundle, variant: VariantName, hub: str) -> dict[str, str]:
    """``files`` (shell: fetches and unpacks the variant), one snippet a language, and ``curl``.

    Args:
        bundle: any bundle of the contract.
        variant: one of the bundle's.
        hub: the address of a hub that serves the bundle, such as ``http://127.0.0.1:7860``.

    Raises:
        RequestError: the bundle has no such variant, or ``hub`` is no address.
    """
    what = plan(bundle, variant)
    return {
        "files": shell.fetch(what, hub),
        **{language: write(what) for language, write in LANGUAGES.items()},
        "curl": shell.ask(what, hub),
    }

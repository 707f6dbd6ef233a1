"""Gradio without what only those who write components need.

Whenever it is imported, Gradio 6 parses each of its components and brings the ``.pyi`` file beside it up to date, in
``site-packages``: two fifths of the seconds that the import takes, and a race where several hubs start at once.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

METACLASS = "gradio.component_meta"


def leave_stubs_alone() -> None:
    """From now on Gradio writes no ``.pyi`` files. Without effect where it has been imported already."""
    if METACLASS not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds one module, where Python would, and takes one function out of it once it is loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == METACLASS else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_without(module: ModuleType) -> None:
            load(module)
            module.create_or_modify_pyi = lambda *_: None  # type: ignore[attr-defined]

        spec.loader.exec_module = load_without  # type: ignore[method-assign]
        return spec

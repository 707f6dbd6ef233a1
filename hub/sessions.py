"""What the hub remembers of each visitor: little.

Gradio describes the whole page anew for each who comes, for links to a page as somebody has set it, which the hub does
not make; keeps that up to date with every picture drawn; and forgets nobody before the ten thousandth. Of 449
components that was 0.9 MB and 87 ms of a busy machine for each, in which nobody else was served. Without it everything
works: what a tab knows of a visitor is in the visitor's own page.
"""

from typing import Any

from gradio.blocks import Blocks, BlocksConfig
from gradio.state_holder import SessionState, StateHolder

REMEMBERED = 1000
"""Visitors; whoever has been away for longest is forgotten first, and is as good as new when back."""


class Sessions(StateHolder):
    """Gradio's, with less in them, for ``blocks``."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        blocks.state_session_capacity = REMEMBERED
        self.set_blocks(blocks)

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)


class Session(SessionState):
    """Components that have changed for one visitor, and no description of them."""

    def __init__(self, blocks: Blocks) -> None:
        super().__init__(_Undescribed(blocks.default_config))  # type: ignore[arg-type]

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.pop(key, None)

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass


class _Undescribed:
    """All that a session asks blocks for when it begins, without any block."""

    def __init__(self, config: BlocksConfig) -> None:
        self.default_config = config
        self.blocks: dict[int, Any] = {}

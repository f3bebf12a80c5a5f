"""Hears what others are about to save through a Jupyter server, before it has reached the disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from ..record.events import JsonDict

SaveListener = Callable[[JsonDict, str], None]
"""Called with the model that is saved and the path in the contents API."""

_LISTENERS: WeakKeyDictionary[Any, list[SaveListener]] = WeakKeyDictionary()


def on_save(contents_manager: Any, listener: SaveListener) -> Callable[[], None]:
    """Call ``listener`` at each save of any notebook; returns what ends that."""
    if contents_manager not in _LISTENERS:
        _LISTENERS[contents_manager] = []
        # A hook cannot be taken back, so there is one, and it asks who listens.
        contents_manager.register_pre_save_hook(_tell)
    listeners = _LISTENERS[contents_manager]
    listeners.append(listener)

    def end() -> None:
        if listener in listeners:
            listeners.remove(listener)

    return end


def _tell(*, model: JsonDict, path: str, contents_manager: Any, **_: Any) -> None:
    if model.get("type") == "notebook" and isinstance(model.get("content"), dict):
        for listener in list(_LISTENERS.get(contents_manager, ())):
            listener(model, path.strip("/"))

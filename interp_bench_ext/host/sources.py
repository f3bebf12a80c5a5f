"""The folders that an organism is loaded from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Progress = Callable[[str, int, int], None]
"""Of a stage: its name, how much is done, and of how much."""


@dataclass(kw_only=True, repr=False)
class Sources:
    """Absolute folders."""

    model: str
    merge: str | None
    """A folder with an adapter that belongs to the base model and is merged into it."""
    adapter: str | None
    tokenizer: str

    @property
    def folders(self) -> list[Path]:
        """Each once."""
        places = (self.model, self.merge, self.adapter, self.tokenizer)
        return list(dict.fromkeys(Path(place) for place in places if place))

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)

    def moved(self, places: dict[Path, str]) -> Sources:
        """The same with folders replaced by where a sandbox shows them."""

        def at(place: str | None) -> str | None:
            return places.get(Path(place), place) if place else place

        return Sources(
            model=at(self.model) or "",
            merge=at(self.merge),
            adapter=at(self.adapter),
            tokenizer=at(self.tokenizer) or "",
        )

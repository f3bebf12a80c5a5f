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
    reference: Sources | None = None
    """Those of the model that it is compared with."""
    sae: str | None = None
    """With a sparse autoencoder."""
    oracle: str | None = None
    """With an adapter of the base model that answers questions about activations."""

    @property
    def folders(self) -> list[Path]:
        """Each once."""
        places = (self.model, self.merge, self.adapter, self.tokenizer, self.sae, self.oracle)
        beside = self.reference.folders if self.reference else []
        return list(dict.fromkeys([*(Path(place) for place in places if place), *beside]))

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
            reference=self.reference and self.reference.moved(places),
            sae=at(self.sae),
            oracle=at(self.oracle),
        )

    @classmethod
    def from_wire(cls, fields: dict[str, Any]) -> Sources:
        """Those that :meth:`to_wire` wrote."""
        reference = fields.get("reference")
        return cls(**{**fields, "reference": cls.from_wire(reference) if reference else None})

"""The sealed half of a config as an organism's process needs it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import InterpBenchError

_Error = TypeVar("_Error", bound=InterpBenchError)


@dataclass(kw_only=True, repr=False)
class OrganismSpec:
    """What to load and how to serve it; mutable, because sealing takes the hidden prompt out of it."""

    name: str
    """A hub id, an absolute path, or ``bundled:<name>``; the adapter's if ``is_peft``."""
    is_peft: bool = False
    base_model: str | None = None
    """Of an adapter; None reads it from the adapter's own configuration."""
    tokenizer: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    quantization: str | None = None
    """``8bit`` or ``4bit`` (bitsandbytes on CUDA), or None."""
    hidden_system_prompt: str | None = None
    access: Access = Access.BASE
    techniques: tuple[Path, ...] = ()
    """Technique files to offer."""
    seed: int = 0

    def __repr__(self) -> str:
        return "OrganismSpec(sealed)"

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON for the pipe to the organism's process."""
        return {**asdict(self), "access": str(self.access), "techniques": [str(path) for path in self.techniques]}

    @classmethod
    def from_wire(cls, fields: dict[str, Any]) -> OrganismSpec:
        """The spec that :meth:`to_wire` wrote."""
        paths = tuple(Path(path) for path in fields["techniques"])
        return cls(**{**fields, "access": Access(fields["access"]), "techniques": paths})


def with_detail(error: _Error, detail: str) -> _Error:
    """The error with a sentence that may name sealed things: for the owner's terminal only, never sent to a caller."""
    error.add_note(detail)
    return error

"""The sealed half of a config as an organism's process needs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from interp_bench_ext.errors import BadInput, InterpBenchError

_Error = TypeVar("_Error", bound=InterpBenchError)


@dataclass(frozen=True, kw_only=True)
class ModalSettings:
    """Where and how an organism runs on Modal; nothing of it changes what is loaded."""

    gpu_type: str = "A10G"
    """Modal's name, a count after a colon: ``H100:4``."""
    scaledown_window_s: int = 300
    """How long a container without calls is kept."""
    max_containers: int = 1
    concurrent_calls: int = 16
    """Calls that one container accepts at once; the organism serves them in turn."""
    startup_timeout_s: int = 1800
    """How long a container may take to come up."""
    memory_snapshot: bool = False
    """Whether containers begin as a copy of the first, taken once its organism served."""
    region: str | None = None
    secret: str = "huggingface-secret"
    """Name of the Modal secret with HF_TOKEN, used only to pull weights from the model hub."""
    undeploy: Literal["never", "after_use"] = "never"
    """``never``: containers end by themselves, and the app, which costs nothing then, waits for the next use."""


@dataclass(kw_only=True, repr=False)
class Identity:
    """Which models an organism is made of: all that names it, in one place, so that it can be forgotten whole."""

    name: str
    """A hub id, an absolute path, or ``bundled:<name>``; the adapter's if ``is_peft``."""
    base_model: str | None = None
    """Of an adapter; None reads it from the adapter's own configuration."""
    tokenizer: str | None = None
    revision: str | None = None
    base_revision: str | None = None

    @property
    def tokenizer_revision(self) -> str | None:
        """That of the model which the tokenizer comes with; None for one from elsewhere."""
        return {self.name: self.revision, self.base_model: self.base_revision}.get(self.tokenizer or "")

    def forget_identity(self) -> None:
        """Blank what names it: the process that serves it needs none of that, and must not be able to tell."""
        for field in fields(Identity):
            setattr(self, field.name, "" if field.name == "name" else None)


@dataclass(kw_only=True, repr=False)
class OrganismSpec(Identity):
    """What to load and serve; mutable, because sealing takes the hidden prompt and the names out of it.

    Whoever uses it, how far they may look and the seed of their run are no part of it: see :mod:`.tickets`.
    """

    is_peft: bool = False
    device: str = "auto"
    dtype: str = "auto"
    quantization: str | None = None
    """``8bit`` or ``4bit`` (bitsandbytes on CUDA), or None."""
    hidden_system_prompt: str | None = None
    techniques: tuple[Path, ...] = ()
    """Technique files to offer."""
    place: str = "local"
    """Where it runs: the name of a :class:`~interp_bench_ext.organisms.placement.Placement`."""
    modal: ModalSettings | None = None
    """Given for an organism on Modal."""
    reference: OrganismSpec | None = None
    """A model to compare it with, loaded beside it."""
    sae: str | None = None
    """The folder of a sparse autoencoder."""
    oracle: str | None = None
    """An adapter of the base model that answers questions about activations; a hub id or an absolute path."""
    oracle_revision: str | None = None

    def forget_identity(self) -> None:
        """Of the reference, the autoencoder and the oracle too."""
        super().forget_identity()
        self.sae = self.oracle = self.oracle_revision = None
        if self.reference is not None:
            self.reference.forget_identity()

    def __repr__(self) -> str:
        return "OrganismSpec(sealed)"

    def to_wire(self) -> dict[str, Any]:
        """Plain JSON for the pipe to the organism's process."""
        return {
            **asdict(self),
            "techniques": [str(path) for path in self.techniques],
            "reference": self.reference and self.reference.to_wire(),
        }

    @classmethod
    def from_wire(cls, fields: dict[str, Any]) -> OrganismSpec:
        """The spec that :meth:`to_wire` wrote."""
        paths = tuple(Path(path) for path in fields["techniques"])
        modal = ModalSettings(**fields["modal"]) if fields.get("modal") else None
        reference = cls.from_wire(fields["reference"]) if fields.get("reference") else None
        return cls(**{**fields, "techniques": paths, "modal": modal, "reference": reference})


@contextlib.contextmanager
def as_reference() -> Iterator[None]:
    """What is wrong inside is wrong with the keys of ``model.reference``."""
    try:
        yield
    except BadInput as error:
        moved = BadInput(error.message.replace("model.", "model.reference."))
        for note in getattr(error, "__notes__", ()):
            moved.add_note(note)
        raise moved from None


def with_detail(error: _Error, detail: str) -> _Error:
    """The error with a sentence that may name sealed things: for the owner's terminal only, never sent to a caller."""
    error.add_note(detail)
    return error

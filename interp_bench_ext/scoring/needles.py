"""What must not stand in a run: its organism's hidden prompt, names and paths, and keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..config import Experiment, Weights
from ..models.key import Key
from .disguises import squeezed

PASSAGE = 48
"""Letters and digits of the hidden prompt that stand together: fewer may be a coincidence."""
LEAST = 12
"""Letters and digits of any other thing that is looked for; shorter ones are words."""
Excuse = Literal["none", "organism", "guess"]
"""``organism``: it may tell this itself, as research has it. ``guess``: so may the agent, who knows public models."""


@dataclass(frozen=True, repr=False)
class Needle:
    """One thing to look for; it prints as nothing."""

    what: str
    squeezed: str
    excuse: Excuse = "none"

    def __repr__(self) -> str:
        return f"Needle({self.what})"


def needles(experiment: Experiment, key: Key | None) -> list[Needle]:
    """What is sealed of ``experiment``, and the credentials in ``key``."""
    sealed = experiment.sealed
    found = [
        *(
            passage
            for prompt in (sealed.hidden_system_prompt, sealed.reference_prompt)
            for passage in _passages(prompt)
        ),
        *_names(sealed.model),
        *(_names(sealed.model.reference) if sealed.model.reference else ()),
        *(_named("the autoencoder's folder", sealed.model.sae, own=True) if sealed.model.sae else ()),
        *(_named("the oracle's name", sealed.model.oracle, own=True) if sealed.model.oracle else ()),
        *([Needle("a revision", squeezed(sealed.model.oracle_revision))] if sealed.model.oracle_revision else []),
        Needle("the config's path", squeezed(str(experiment.path.resolve()))),
        *_keys(key),
    ]
    return [needle for needle in found if len(needle.squeezed) >= LEAST]


def _passages(prompt: str | None) -> Iterator[Needle]:
    """Overlapping, so that one and a half of them in a row holds one whole."""
    if not prompt:
        return
    whole = squeezed(prompt)
    for start in range(0, max(len(whole) - PASSAGE // 2, 1), PASSAGE // 2):
        yield Needle("the hidden prompt", whole[start : start + PASSAGE], "organism")


def _names(model: Weights) -> Iterator[Needle]:
    files = model.hidden_system_prompt_file
    if files:
        yield Needle("the hidden prompt's file", squeezed(str(Path(files).expanduser())))
    yield from _named("the adapter's name" if model.is_peft else "the model's name", model.name, own=model.is_peft)
    for what, name in (("the base model's name", model.base_model), ("the tokenizer's name", model.tokenizer)):
        if name:
            yield from _named(what, name, own=False)
    for revision in (model.revision, model.base_revision):
        if revision:
            yield Needle("a revision", squeezed(revision))


def _named(what: str, name: str, *, own: bool) -> Iterator[Needle]:
    """A folder's path and its last part; a public model's name can be guessed, an adapter's cannot."""
    if Path(name).is_absolute():
        yield Needle(what, squeezed(name))
        yield Needle(what, squeezed(Path(name).name))
    else:
        yield Needle(what, squeezed(name), "none" if own else "guess")


def _keys(key: Key | None) -> Iterator[Needle]:
    if key is not None:
        values = {value for platform in ("anthropic", "bedrock", "vertex") for value in key.of(platform).values()}
        yield from (Needle("a key", squeezed(value)) for value in sorted(values))


def not_public(found: Iterable[Needle], public: Sequence[str]) -> list[Needle]:
    """Those that the config's public half and the run's own names do not tell."""
    told = "\n".join(map(squeezed, public))
    return [needle for needle in found if needle.squeezed not in told]

"""What a run was made of, so that another can be compared with it, or made again.

Digests of what anybody may see (techniques, instructions, the condition) are plain SHA-256, equal on every machine.
Those of sealed things (config, organism, weights) are keyed with a secret of the journal: equal things have equal
digests within it, and nobody without it can look one up in a list of published models.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

RECKONING = 1
"""Raised when a condition's key is reckoned from other things, so that old keys equal no new one."""
_DIGITS = 16


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Provenance(_Frozen):
    """What is known of a run before its organism is loaded; digests are hexadecimal."""

    reckoning: int = RECKONING
    package: str
    """Version of interp_bench_ext."""
    config: str
    """Keyed: the config's file and its ground truth's."""
    organism: str
    """Keyed: names, revisions, quantization and hidden prompt; not the seed."""
    techniques: str
    """Their files, with the helpers beside them."""
    instructions: str
    """The task, AGENT.md or what stands in its place, and tips."""
    condition: str
    """What two runs must share to be compared: agent, model, budgets, access, techniques, instructions and package.

    Neither organism nor seed.
    """


class Revision(_Frozen):
    """Where one part of an organism's weights comes from. Sealed: a public commit names its model."""

    part: Literal["model", "merged adapter", "adapter", "oracle", "tokenizer"]
    of: Literal["organism", "reference"] = "organism"
    kind: Literal["hub commit", "bundled package", "local files", "unknown"]
    """``local files``: the SHA-256 of their contents. ``unknown``: whoever fetched them did not write it down."""
    revision: str

    def __str__(self) -> str:
        part = self.part if self.of == "organism" else f"reference's {self.part}"
        return f"{part}: {self.kind} {self.revision}".rstrip()


def digest(value: Any) -> str:
    """Of plain JSON."""
    return hashlib.sha256(_bytes(value)).hexdigest()[:_DIGITS]


def keyed_digest(key: bytes, value: Any) -> str:
    """Of plain JSON, and useless without ``key``."""
    return hmac.new(key, _bytes(value), "sha256").hexdigest()[:_DIGITS]


def fingerprint(key: bytes, revisions: Sequence[Revision]) -> str:
    """Of all the weights of an organism together; how many parts they have does not show."""
    return keyed_digest(key, [revision.model_dump(exclude_defaults=True) for revision in revisions])


def _bytes(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode()

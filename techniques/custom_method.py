"""A caller's own function, run beside the organism."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interp_bench_ext.contracts import Organism
from interp_bench_ext.errors import BadInput
from interp_bench_ext.results import Result


def custom_method(
    organism: Organism,
    *,
    source: str,
    name: str,
    arguments: dict[str, Any] | None = None,
    modules: dict[str, str] | None = None,
) -> Result:
    """Run a function of your own; the decorator organism.method writes this call for you.

    The function is given the organism as techniques have it (contracts.Organism), and runs in a process of its own
    with torch, in a sandbox. Weights come as copies, so nothing that it does to them changes the organism. What it
    keeps in organism.state lasts until the access ends. It returns a result type, a number, an array, or a dict of
    columns. Its control is yours to write: a random direction, shuffled labels, arm="base".

    Access: weights
    Source: the caller's own
    Plot: that of the result; bars of the first column of numbers

    Args:
        source: The function's source, with the helpers that it calls.
        name: The function's name.
        arguments: What it is called with, by name, beside the organism.
        modules: Modules that it calls by a name, for example {"F": "torch.nn.functional"}.
    """
    if not name.isidentifier():
        raise BadInput("custom_method: name is the name of the function in source.")
    names: Mapping[str, Any] = arguments or {}
    return organism.call_method({"source": source, "name": name, "arguments": dict(names), "modules": modules or {}})

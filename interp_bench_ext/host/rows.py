"""A call's rows as the engine takes them: checked, with positions from the front and values as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from interp_bench_ext.contracts import Access, Edit, Reads, Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.edits import checked_value, from_the_front
from interp_bench_ext.host.sites import Sites


def access_of(rows: Sequence[Row], reads: Reads | None = None) -> Access:
    """What a call needs: it follows from what is done to its rows and from what is read of them."""
    needed = [Access.SAMPLE]
    if reads is not None:
        needed.append(Access.WEIGHTS if reads.grad_of else Access.ACTIVATIONS if reads.sites else Access.LOGITS)
    if any(row.arm != "organism" or any(edit.site.part == "adapter" for edit in row.edits) for row in rows):
        needed.append(Access.BASE)
    if any(row.edits for row in rows):
        needed.append(Access.ACTIVATIONS)
    return max(needed, key=lambda access: access.rank)


def resolved(rows: Sequence[Row], sites: Sites, room: int) -> list[Row]:
    """The rows with their edits checked once each. Raises BadInput.

    ``room`` is how many visible tokens a row may grow to.
    """
    done: dict[tuple[int, int], Edit] = {}
    found = []
    for row in rows:
        edits = []
        for edit in row.edits:
            key = (id(edit), len(row.ids))
            if key not in done:
                done[key] = _resolved(edit, sites, len(row.ids), room)
            edits.append(done[key])
        found.append(replace(row, edits=tuple(edits)) if edits else row)
    return found


def _resolved(edit: Edit, sites: Sites, length: int, room: int) -> Edit:
    site = sites.normal(edit.site)
    positions = from_the_front(edit.positions, length)
    if not isinstance(positions, range):
        for position in positions or ():
            if not 0 <= position < room:
                raise BadInput(f"The edit at {edit.site} is for position {position}, and a row has {length} tokens.")
    return replace(
        edit, site=site, positions=positions, value=checked_value(replace(edit, site=site), sites.shape(site))
    )

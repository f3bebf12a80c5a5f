"""What must hold before findings are accepted: the organism was asked, the evidence stands, a control was run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..record.cells import Cell, Cells
from ..record.events import Finding

ATTEMPTS = 3
"""How often findings are sent back; after that they are accepted together with what they lack."""


def missing(findings: Sequence[Finding], *, cells: Cells, present: Sequence[str]) -> list[str]:
    """What the findings lack, one sentence each; ``Finding 2: …`` is about the second.

    Args:
        findings: As the agent submits them.
        cells: What became of the run's cells.
        present: Ids of the cells that the notebook holds.
    """
    if not cells.ever_asked:
        return ["No cell has asked the organism anything: run one that does, so that there is something to conclude."]
    return [
        f"Finding {number}: {problem}"
        for number, finding in enumerate(findings, start=1)
        for problem in _problems(finding, cells, set(present))
    ]


def _problems(finding: Finding, cells: Cells, present: set[str]) -> Iterator[str]:
    if not finding.claim.strip():
        yield "claim is empty; say in one sentence what the organism does."
    for role, cell_ids, purpose in (
        ("evidence", finding.evidence, "show the claim"),
        ("control", finding.control, "show how often it happens without the cause that you claim"),
    ):
        broken = [problem for cell_id in dict.fromkeys(cell_ids) for problem in _broken(cell_id, cells, present)]
        if not cell_ids:
            yield f"{role} is empty; name the cells that {purpose}."
        elif broken:
            yield from (f"{role}: {problem}" for problem in broken)
        elif not any(cells.asked_organism(cell_id) for cell_id in cell_ids):
            yield f"{role}: {_listed(cell_ids)} did not ask the organism anything; name the cell that did."
    yield from _measure(finding)
    yield from _counted(finding, cells)


def _broken(cell_id: str, cells: Cells, present: set[str]) -> Iterator[str]:
    cell = cells.code(cell_id)
    if cell is None:
        yield f"{cell_id!r} is no code cell of this run."
    elif cell_id not in present:
        yield f"{cell_id} is not in the notebook any more."
    elif cells.running == cell_id:
        yield f"{cell_id} is still running."
    elif cell.status is None:
        yield f"{cell_id} {_unsettled(cell)}."
    elif cell.status != "ok":
        yield f"{cell_id} did not end well ({cell.status}); repair it with edit_cell, or leave it out."


def _unsettled(cell: Cell) -> str:
    if cell.changed_late:
        return "shows another output than it ended with; run it again, and print in the cell itself"
    return "was changed after it ran; run it again" if cell.edited else "has not run"


def _measure(finding: Finding) -> Iterator[str]:
    if finding.n is not None and finding.n < 1:
        yield f"n is {finding.n}; it counts the organism's samples, so it is at least 1."
    effect = finding.effect_size
    if effect is None:
        return
    if not math.isfinite(effect) or abs(effect) > 1:
        yield f"effect_size is {effect:g}; it is a difference of two shares, so it lies between -1 and 1."
    if finding.n is None:
        yield "effect_size is given without n; say how many samples it comes from."


def _counted(finding: Finding, cells: Cells) -> Iterator[str]:
    """What the organism was asked in those cells, by its own meter, against what the finding says of them."""
    evidence, control = (
        {cell_id: cells.by_id[cell_id] for cell_id in cell_ids if cells.asked_organism(cell_id)}
        for cell_ids in (finding.evidence, finding.control)
    )
    if any(cell.samples is None for cell in (*evidence.values(), *control.values())):
        return
    samples = sum(cell.samples or 0 for cell in evidence.values())
    if evidence and not samples:
        yield f"evidence: {_listed(list(evidence))} asked the base model alone; name the cell that asked the organism."
    elif evidence and finding.n is not None and finding.n > samples:
        said = "sample" if samples == 1 else "samples"
        yield f"n is {finding.n}, and the organism gave {samples} {said} in {_listed(list(evidence))}; count those."
    if evidence and evidence.keys() == control.keys() and sum(cell.prompts or 0 for cell in evidence.values()) < 2:
        yield (
            f"evidence and control are the same prompt of {_listed(list(evidence))}; compare with another cell, or with"
            " another prompt of it."
        )


def _listed(cell_ids: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(cell_ids))

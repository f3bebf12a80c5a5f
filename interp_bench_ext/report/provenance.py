"""What a run was made of, as a report shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..record.events import AgentReplied, Event, ProgramReported, RunStarted, WeightsIdentified
from ..record.provenance import Provenance, Revision


def provenance_view(events: Iterable[Event], revisions: Sequence[Revision]) -> list[dict[str, str]]:
    """Rows of a name and a value; none where nothing is known.

    Args:
        events: The run's.
        revisions: What its weights are, where that may be shown.
    """
    provenance: Provenance | None = None
    weights: WeightsIdentified | None = None
    served, programs = Counter[str](), dict[str, None]()
    for event in events:
        match event:
            case RunStarted():
                provenance = event.provenance
            case WeightsIdentified():
                weights = event
            case ProgramReported():
                programs[f"{event.program} {event.version}"] = None
            case AgentReplied() if event.served_model:
                served[event.served_model] += 1
            case _:
                pass
    rows = [*_digests(provenance), *_weights(weights, revisions)]
    rows += [("Program", name) for name in programs]
    rows += [("Agent's replies", f"{replies} by {model}") for model, replies in served.items()]
    return [{"name": name, "value": value} for name, value in rows]


def _digests(provenance: Provenance | None) -> Iterator[tuple[str, str]]:
    if provenance is not None:
        yield "Interp Bench", provenance.package
        for name in ("condition", "config", "organism", "techniques", "instructions"):
            yield name.capitalize(), getattr(provenance, name)


def _weights(event: WeightsIdentified | None, revisions: Sequence[Revision]) -> Iterator[tuple[str, str]]:
    if event is not None:
        yield "Weights", event.weights + (", others than in the run before on this organism" if event.changed else "")
    for revision in revisions:
        yield "", str(revision)

"""What an agent has written in a sandbox is run in one, also when its run goes on elsewhere."""

from __future__ import annotations

from ..contracts import Veil
from ..errors import WeakerVeil
from ..record.cell_events import KernelStarted
from ..record.events import RunForked, RunStarted
from ..record.journal import Journal
from ..sandbox.bubblewrap import sandbox_available


def veil_for_code_of(journal: Journal, run: str, *, weaker: bool) -> Veil | None:
    """The veil under which cells of ``run`` may be run again; None: whatever there is.

    Args:
        journal: Where the run is recorded.
        run: Its id.
        weaker: Whether a person has said that it may be a weaker one than the run had.

    Raises:
        WeakerVeil: The run had a sandbox, there is none here, and nobody has said so.
    """
    if weaker or not _was_sandboxed(journal, run):
        return None
    problem = sandbox_available()
    if problem is not None:
        raise WeakerVeil(
            f"the code of run {run} ran in a sandbox, and here it would run with all that you may do. {problem}"
            " A person can allow it: in JupyterLab's sidebar, or with --weaker-veil on the command line"
        )
    return Veil.SANDBOXED


def _was_sandboxed(journal: Journal, run: str) -> bool:
    """Whether a kernel of the run was sandboxed, or of those whose code it has taken over."""
    known, ahead = set[str](), [run]
    while ahead:
        one = ahead.pop()
        known.add(one)
        for _, event in journal.skim(one, KernelStarted):
            if isinstance(event, KernelStarted) and event.veil == Veil.SANDBOXED:
                return True
        ahead += [origin for origin in _origins(journal, one) if origin not in known]
    return False


def _origins(journal: Journal, run: str) -> list[str]:
    forked, started = journal.last(run, RunForked), journal.last(run, RunStarted)
    agent = (started.public.get("agent") or {}) if started else {}
    replayed = [str(agent.get("model"))] if agent.get("provider") == "replay" else []
    return [*([forked.parent] if forked else []), *replayed]

"""A run's notebook and kernel, brought to where its events left them."""

from __future__ import annotations

from collections.abc import Sequence

from ..config import PublicConfig
from ..errors import InterpBenchError
from ..notebook.opening import SETUP, SETUP_BY_HAND, intro, opening_ids
from ..notebook.session import NotebookSession
from ..record.cell_events import CellAdded, CellFinished
from ..record.events import Event, MessageSent
from .recorder import Recorder

SETUP_TIMEOUT_S = 120


async def prepare(session: NotebookSession, recorder: Recorder, public: PublicConfig, events: Sequence[Event]) -> None:
    """Rebuild the notebook and the kernel's variables from ``events``, or begin the notebook with its first two cells.

    Raises:
        InterpBenchError: The kernel could not connect to the organism.
    """
    await session.rebuild(events)
    added = [event.cell_id for event in events if isinstance(event, CellAdded)]
    finished = {event.cell_id for event in events if isinstance(event, CellFinished) and event.status == "ok"}
    intro_id, setup_id = opening_ids(added, taken={cell.cell_id for cell in session.cells()}, run=recorder.run)
    by_hand = public.agent.provider == "person"
    if intro_id not in added:
        text = intro(run=recorder.run, task=public.task, by_hand=by_hand)
        await session.add_markdown(text, cell_id=intro_id)
    if setup_id not in added:
        await session.place_code(SETUP_BY_HAND if by_hand else SETUP, cell_id=setup_id)
    if setup_id in finished:
        await _restore(session, recorder, [cell.cell_id for cell in session.cells() if cell.cell_id in finished])
        return
    run = await session.run_cell(setup_id, timeout_s=SETUP_TIMEOUT_S)
    if run.status != "ok":
        raise InterpBenchError("the notebook's kernel could not connect to the organism")


async def _restore(session: NotebookSession, recorder: Recorder, cell_ids: Sequence[str]) -> None:
    missing = await session.restore(cell_ids)
    if missing:
        text = (
            f"What these cells define is missing in the new kernel: {', '.join(missing)}."
            " Run again in it, they failed, or the kernel ended with one of them."
        )
        recorder(MessageSent(sender="run", text=text))

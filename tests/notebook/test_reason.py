from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from interp_bench_ext.notebook.reason import as_markdown, is_reason, one_line, reason_id
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.cell_events import CellAdded
from interp_bench_ext.record.events import Event

from .support import Kind, Place, at


def test_what_fits_stands_whole_on_one_line() -> None:
    assert one_line("Look at `a_b`\n  and at *this*.") == "Look at `a_b` and at *this*."


def test_of_more_the_first_sentences_stand() -> None:
    said = f"Prefills agree. Check the base rate: is it above 0.05? {'It may be chance. ' * 20}"
    line = one_line(said)
    assert line.startswith("Prefills agree. Check the base rate: is it above 0.05? It may be chance.")
    assert line.endswith("chance.")
    assert 150 < len(line) <= 200


def test_a_long_sentence_ends_between_two_words() -> None:
    line = one_line("word " * 100)
    assert line.endswith("word…")
    assert len(line) <= 201


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("What kind of model is it?", "What kind of model is it?"),
        ("`a_b` is *odd*: 3 < 4, and x[0] too!", "`a_b` is *odd*: 3 < 4, and x[0] too!"),
        ("## Plan - look", "Plan - look"),
        ("- 1. ```python x = 1```", "x = 1```"),
        ("It costs $5 or $6", r"It costs \$5 or \$6"),
        ("See <b>this</b> <!-- and", r"See \<b>this\</b> \<!-- and"),
        ("![x](http://far/y.png) and [z](javascript:z)", r"\![x](http://far/y.png) and \[z](javascript:z)"),
    ],
)
def test_nothing_in_it_is_louder_than_a_line(line: str, shown: str) -> None:
    assert as_markdown(line) == shown


def test_its_id_is_of_one_run() -> None:
    assert is_reason(reason_id("c5", "ab12cd34"), "ab12cd34")
    assert not is_reason(reason_id("c5", "ab12cd34"), "00000000")
    assert not is_reason("c5", "ab12cd34")


@pytest.mark.parametrize("kind", ["file", "ydoc"])
def test_it_stands_above_its_cell_and_is_no_cell_of_the_run(root: Path, kind: Kind) -> None:
    async def work(place: Place) -> list[Event]:
        async with a_session(place) as (session, events):
            await session.add_code("1 + 1", cell_id="c1", said="Does it\ncount?")
            await session.add_code("2 + 2", cell_id="c2")
            assert session.ids() == [cell.cell_id for cell in session.cells()] == ["c1", "c2"]
            assert await place.sources() == ["Does it count?", "1 + 1", "2 + 2"]
        return events

    added = [event for event in at_place(kind, root, work) if isinstance(event, CellAdded)]
    assert [(event.cell_id, event.reason) for event in added] == [("c1", "Does it count?"), ("c2", "")]


@pytest.mark.parametrize("kind", ["file", "ydoc"])
def test_a_notebook_that_is_written_again_has_it_in_its_place(root: Path, kind: Kind) -> None:
    async def work(place: Place) -> None:
        async with a_session(place) as (session, _):
            await session.rebuild([added(number) for number in (1, 2)])
            assert await place.sources() == ["Step 1.", "1", "Step 2.", "2"]

    at_place(kind, root, work)


def test_what_a_person_makes_of_it_stays(root: Path) -> None:
    async def work(place: Place) -> None:
        async with a_session(place) as (session, _):
            await session.rebuild([added(1)])
        await place.somebody_edits(lambda notebook: notebook["cells"][0].update(source="The first step."))
        async with a_session(place) as (session, _):
            await session.rebuild([added(1)])
            await session.add_code("2", cell_id="c2")
        assert await place.sources() == ["The first step.", "1", "2"]

    at_place("file", root, work)


def added(number: int) -> CellAdded:
    return CellAdded(cell_id=f"c{number}", kind="code", source=f"{number}", reason=f"Step {number}.")


def at_place(kind: Kind, root: Path, work: Callable[[Place], Awaitable[list[Event] | None]]) -> list[Event]:
    async def main() -> list[Event]:
        async with at(kind, root) as place:
            return await work(place) or []

    return asyncio.run(main())


@asynccontextmanager
async def a_session(place: Place) -> AsyncIterator[tuple[NotebookSession, list[Event]]]:
    """A session of a run, without a kernel."""
    events: list[Event] = []
    async with place.backend() as backend:
        session = NotebookSession(backend, emit=events.append, connection=None, run="ab12cd34")
        yield session, events
        await session.close()

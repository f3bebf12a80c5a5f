from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from interp_bench_ext.notebook.cells import RunCells
from interp_bench_ext.notebook.closing import closing, gone_on

from .support import Kind, Place, Recorder, at, every_kind

RUN = "0a1b2c3d"
STOPPED = closing(run=RUN, status="interrupted", message="stopped by the user", fresh_kernel=True)
FINISHED = closing(run=RUN, status="finished", message="", fresh_kernel=False)


async def gone_through(place: Place, events: Recorder, added: str | None, words: str, *, edit: str = "") -> None:
    """One stretch of the run: resumed, perhaps with another cell, until it says that it is over."""
    async with place.backend() as backend:
        cells = RunCells(backend, emit=events, run=RUN)
        await cells.rebuild(list(events))
        if added is not None:
            await cells.add("markdown", f"text of {added}", added)
        await cells.close(words)
        await backend.saved()
        if edit:
            await place.somebody_edits(lambda notebook: notebook["cells"][-1].update(source=edit))
            await backend.refresh()


async def shown(place: Place) -> list[tuple[str, str]]:
    return [(cell["id"], cell["source"]) for cell in (await place.read())["cells"]]


@every_kind
def test_the_end_of_a_run_is_said_once_and_what_was_said_before_a_resume_is_put_right(root: Path, kind: Kind) -> None:
    async def main() -> None:
        async with at(kind, root) as place:
            events = Recorder()
            await gone_through(place, events, "intro", STOPPED)
            assert await shown(place) == [("intro", "text of intro"), (f"end-{RUN}", STOPPED)]
            await gone_through(place, events, "c3", STOPPED)
            await gone_through(place, events, None, FINISHED)
            assert await shown(place) == [
                ("intro", "text of intro"),
                (f"end-{RUN}", gone_on(RUN)),
                ("c3", "text of c3"),
                (f"end-{RUN}-2", FINISHED),
            ]
            assert [event.cell_id for event in events] == ["intro", "c3"]

    asyncio.run(main())


@every_kind
def test_a_person_s_own_words_in_it_stay_and_are_no_cell_of_the_run(root: Path, kind: Kind) -> None:
    async def main() -> None:
        async with at(kind, root) as place:
            events = Recorder()
            await gone_through(place, events, "intro", STOPPED, edit="My notes.")
            await gone_through(place, events, "c3", FINISHED)
            assert [source for _, source in await shown(place)] == [
                "text of intro",
                "My notes.",
                "text of c3",
                FINISHED,
            ]
            assert [event.type for event in events] == ["cell_added", "cell_added"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "message", "fresh", "parts"),
    [
        ("finished", "", True, ["is finished**. Its kernel has ended", "go to a fresh kernel behind the same veil."]),
        ("interrupted", "stopped by\nthe user.", False, ["was interrupted**: stopped by the user. Its kernel"]),
        ("failed", "no kernel", False, ["failed**: no kernel. Its", f"`interp-bench resume {RUN}` goes on from here."]),
    ],
)
def test_how_it_ended_is_said_in_words(status: str, message: str, fresh: bool, parts: list[str]) -> None:
    said = closing(run=RUN, status=status, message=message, fresh_kernel=fresh)
    assert all(part in said for part in parts)
    assert ("fresh kernel" in said) is fresh
    assert ("resume" in said) is (status != "finished")

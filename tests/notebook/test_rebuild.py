from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_bench_ext.notebook.contents import ContentsBackend
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.record.cell_events import (
    CellAdded,
    CellEdited,
    CellFinished,
    CellOutput,
    CellOutputsCleared,
    CellStarted,
    KernelStarted,
)
from interp_bench_ext.record.events import Event

from .support import SERVED, Kind, Place, at, on_disk


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


RUN: tuple[Event, ...] = (
    KernelStarted(veil="process"),
    CellAdded(cell_id="intro", kind="markdown", source="# Run"),
    CellAdded(cell_id="a", kind="code", source="1"),
    CellStarted(cell_id="a"),
    CellOutput(cell_id="a", index=0, output=stream("x")),
    CellOutput(cell_id="a", index=1, output=stream("y")),
    CellOutput(cell_id="a", index=0, output=stream("xx")),
    CellFinished(cell_id="a", status="ok", execution_count=1, duration_s=0.1),
    CellAdded(cell_id="b", kind="code", source="2"),
    CellEdited(cell_id="b", source="22"),
    CellStarted(cell_id="b"),
    CellOutput(cell_id="b", index=0, output=stream("z")),
    CellOutputsCleared(cell_id="b"),
    CellOutput(cell_id="a", index=1, output=stream("late")),
    CellOutput(cell_id="b", index=0, output=stream("w")),
    CellFinished(cell_id="b", status="error", execution_count=2, duration_s=0.1),
    CellStarted(cell_id="b"),
    CellOutput(cell_id="b", index=0, output=stream("again")),
    CellEdited(cell_id="intro", source="# Other"),
    CellFinished(cell_id="b", status="ok", execution_count=3, duration_s=0.1),
)


def expected(events: Sequence[Event]) -> list[dict[str, Any]]:
    """What a prefix of the run looks like, written without the code under test."""
    cells: dict[str, dict[str, Any]] = {}
    ended: set[str] = set()
    for event in events:
        if isinstance(event, CellOutput | CellOutputsCleared) and event.cell_id in ended:
            cells[event.cell_id]["status"] = None  # what it shows is not what it had shown when it ended
        if isinstance(event, CellAdded):
            cells[event.cell_id] = {"id": event.cell_id, "source": event.source, "out": {}, "status": None}
        elif isinstance(event, CellEdited):
            cells[event.cell_id]["source"] = event.source
        elif isinstance(event, CellStarted):
            cells[event.cell_id] |= {"out": {}, "status": "interrupted"}
            ended.discard(event.cell_id)
        elif isinstance(event, CellOutputsCleared):
            cells[event.cell_id]["out"] = {}
        elif isinstance(event, CellOutput):
            cells[event.cell_id]["out"] |= {event.index: event.output["text"]}
        elif isinstance(event, CellFinished):
            cells[event.cell_id]["status"] = event.status
            ended.add(event.cell_id)
    return [{**cell, "out": list(cell["out"].values())} for cell in cells.values()]


def found(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": cell["id"],
            "source": "".join(cell["source"]),
            "out": ["".join(output["text"]) for output in cell.get("outputs", [])],
            "status": cell["metadata"]["interp_bench"]["status"],
        }
        for cell in cells
    ]


def cells_of(path: Path) -> list[dict[str, Any]]:
    return list(on_disk(path)["cells"]) if path.exists() else []


async def rebuild(path: Path, events: Sequence[Event]) -> list[Event]:
    emitted: list[Event] = []
    backend = await ContentsBackend.open(path)
    session = NotebookSession(backend, emit=emitted.append, connection=None, run="r")
    await session.rebuild(events)
    await session.close()
    return emitted


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_rebuild_makes_the_notebook_of_any_prefix(data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(RUN)))
    behind = data.draw(st.integers(0, length))
    with TemporaryDirectory() as folder:
        path = Path(folder, "n.ipynb")
        if behind:
            asyncio.run(rebuild(path, RUN[:behind]))
        emitted = asyncio.run(rebuild(path, RUN[:length]))
        assert found(cells_of(path)) == expected(RUN[:length])
        assert all(event.type == "cell_finished" and event.status == "interrupted" for event in emitted)
        assert asyncio.run(rebuild(path, [*RUN[:length], *emitted])) == []
        assert found(cells_of(path)) == expected(RUN[:length])


@pytest.mark.parametrize("kind", SERVED)
@pytest.mark.parametrize(("behind", "length"), [(0, len(RUN)), (5, len(RUN)), (12, 14), (16, 18), (4, 4)])
def test_rebuild_in_a_server(root: Path, kind: Kind, behind: int, length: int) -> None:
    async def again(place: Place, events: Sequence[Event]) -> list[Event]:
        emitted: list[Event] = []
        async with place.backend() as backend:
            session = NotebookSession(backend, emit=emitted.append, connection=None, run="r")
            await session.rebuild(events)
            assert found((await place.read())["cells"]) == expected(events)
            await session.close()
        return emitted

    async def scenario() -> None:
        async with at(kind, root) as place:
            if behind:
                await again(place, RUN[:behind])
            emitted = await again(place, RUN[:length])
            assert await again(place, [*RUN[:length], *emitted]) == []

    asyncio.run(scenario())
    assert found(cells_of(root / "n.ipynb")) == expected(RUN[:length])


def test_text_that_no_event_knows_was_written_by_somebody_else_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    asyncio.run(rebuild(path, RUN))
    notebook = on_disk(path)
    notebook["cells"][1]["source"] = "by hand"
    notebook["cells"].append({"id": "x", "cell_type": "markdown", "metadata": {}, "source": "theirs"})
    path.write_text(json.dumps(notebook))
    assert asyncio.run(rebuild(path, RUN)) == [CellEdited(cell_id="a", source="by hand")]
    assert ["".join(cell["source"]) for cell in on_disk(path)["cells"]] == ["# Other", "by hand", "22", "theirs"]

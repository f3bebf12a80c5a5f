from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from interp_bench_ext.sandbox.bubblewrap import sandbox_available

from .plugin import TRIAL
from .room import MARKS, Room
from .suite import Trial, Veil


@pytest.fixture
def trial(request: pytest.FixtureRequest) -> Trial:
    """Judges this attempt; the package's docstring says how."""
    marker = request.node.get_closest_marker("redteam")
    assert marker is not None, "an attempt is marked with @attempt(…)"
    found = Trial(marks=MARKS, documented=marker.kwargs["documented"])
    request.node.stash[TRIAL] = found
    return found


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Veil], Room]]:
    """The shared run at a veil, begun when it is first asked for."""
    rooms: dict[Veil, Room] = {}

    def at(veil: Veil) -> Room:
        if veil != "process" and sandbox_available() is not None:
            pytest.skip(str(sandbox_available()))
        if veil not in rooms:
            rooms[veil] = Room(tmp_path_factory.mktemp(veil), veil).open()
        return rooms[veil]

    yield at
    for opened in rooms.values():
        opened.close()

"""Which runs a client may read, go on with and fork: its own, unless a person has opened all of them to clients."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ..errors import BadInput, NotFound

if TYPE_CHECKING:
    from ..runs.manager import RunManager
    from .clients import Client

_OPENING = "a person opens all runs to clients with `interp-bench mcp --all-runs`, or InterpBenchApp.mcp_all_runs"


class OwnRuns:
    """Remembers who began what; another agent's cells on the same organism would give its secret away.

    A client that has lost its connection, or was started again, is known by its name and by the run's id, which it was
    told when it began the run and which is listed to nobody else.
    """

    def __init__(self, runs: RunManager, *, all_runs: bool) -> None:
        self._runs, self._all_runs = runs, all_runs
        self._begun: defaultdict[str, set[str]] = defaultdict(set)
        """Ids of runs, by the client's key."""

    def note(self, client: Client, run: str) -> None:
        """The client has begun the run, or goes on with it."""
        self._begun[client.key].add(run)

    def listed(self, client: Client, run: str) -> bool:
        """Whether the client may be told that there is this run."""
        return self._all_runs or run in self._begun[client.key]

    def check(self, client: Client, run: str) -> None:
        """Raise NotFound where the run is not the client's, in the same words as where there is none."""
        if self._all_runs or run in self._begun[client.key]:
            return
        record = self._runs.journal.run(run)
        if record is None or self._runs.summary(run).agent != f"mcp {client.name}":
            raise NotFound(f"there is no run {run} of this client; {_OPENING}")

    def check_notebook(self, client: Client, path: str) -> None:
        """Raise BadInput where something is at ``path`` already, or beside it, that is not the client's alone."""
        if self._all_runs or not self._runs.taken(path):
            return
        runs = self._runs.runs_in(path)
        if not runs or not all(self.listed(client, run) for run in runs):
            raise BadInput(f"{path} is there already, and is not this client's: choose a new notebook; {_OPENING}")

"""Where runs happen: what the command line and the server set up differently."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..agent.mcp_provider import OutsideProvider
from ..contracts import Connection, Veil
from ..host.spec import OrganismSpec
from ..host.terms import Terms
from ..models.key import Key
from ..notebook.backend import NotebookCell
from ..notebook.session import NotebookSession
from ..organisms.tickets import Lease
from ..record.events import Emit, Event
from ..record.journal import Journal
from .recorder import Listener


class OpenNotebook(Protocol):
    """Opens the notebook at ``path`` with a kernel that may talk to the organism at ``connection``.

    ``veil`` is what it must be kept by; None: as well as can be.
    """

    async def __call__(
        self, path: Path, *, emit: Emit, connection: Connection, run: str, veil: Veil | None
    ) -> NotebookSession: ...


class BeginNotebook(Protocol):
    """Makes the notebook at ``path`` with ``cells``, before it is opened for its run. Raises BadInput."""

    async def __call__(self, path: Path, cells: Sequence[NotebookCell]) -> None: ...


class OpenOrganism(Protocol):
    """Loads ``spec``, or finds it loaded, and lends it for as long as the block lasts; ``emit`` hears how that goes."""

    def __call__(self, spec: OrganismSpec, emit: Emit, terms: Terms) -> AbstractAsyncContextManager[Lease]: ...


def unheard(event: Event) -> None:
    """For a run that nobody follows."""


async def own_notebook(
    path: Path, *, emit: Emit, connection: Connection, run: str, veil: Veil | None
) -> NotebookSession:
    """A notebook in a file, with a kernel that ends with the run."""
    return await NotebookSession.open(path, emit=emit, connection=connection, run=run, veil=veil)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The journal, the agent's key, and how organisms and notebooks are opened."""

    journal: Journal
    organism: OpenOrganism
    key: Key | None = None
    attended: bool = False
    """Whether a person can be asked for approvals."""
    notebook: OpenNotebook = own_notebook
    begin: BeginNotebook | None = None
    """None: nobody sees the notebook before it is opened."""
    outside: OutsideProvider | None = None
    """Who leads the run from outside, if anybody does."""
    listener: Listener = unheard
    """Called with every event of a run that begins here, after it was recorded."""

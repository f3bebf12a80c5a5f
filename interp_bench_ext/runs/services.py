"""What all runs of a process have in common, put together once for the server, for MCP clients and for commands."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..agent.mcp_provider import OutsideProvider
from ..models.key import Key
from ..organisms.pool import OrganismPool
from ..record.journal import Journal
from .environment import BeginNotebook, Environment, OpenNotebook, own_notebook, unheard
from .recorder import Listener

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Services:
    """The journal, the organisms that are loaded, the agent's key, and how notebooks are opened."""

    journal: Journal
    organisms: OrganismPool
    key: Key | None
    notebook: OpenNotebook
    begin: BeginNotebook | None = None

    @classmethod
    def open(
        cls,
        *,
        journal: Path | None = None,
        key: Key | None = None,
        notebook: OpenNotebook = own_notebook,
        begin: BeginNotebook | None = None,
        idle_s: float = 60.0,
        at_most: int = 1,
    ) -> Services:
        """
        Args:
            journal: Its file; None: the user's own.
            key: The agent's.
            notebook: Opens a run's notebook.
            begin: Makes a new one, where others see it before it is opened.
            idle_s: How long an organism stays loaded between two runs.
            at_most: How many organisms are loaded at once.

        Raises:
            BadInput: The journal cannot be opened.
        """
        organisms = OrganismPool(idle_s=idle_s, at_most=at_most)
        return cls(journal=Journal(journal), organisms=organisms, key=key, notebook=notebook, begin=begin)

    def environment(
        self,
        config: str,
        *,
        listener: Listener = unheard,
        attended: bool = False,
        outside: OutsideProvider | None = None,
    ) -> Environment:
        """Where a run of the config that is called ``config`` happens, and who hears of it."""
        return Environment(
            journal=self.journal,
            key=self.key,
            attended=attended,
            organism=partial(self.organisms.lease, config=config),
            notebook=self.notebook,
            begin=self.begin,
            outside=outside,
            listener=listener,
        )

    async def carry(self, work: Coroutine[Any, Any, Value]) -> Value:
        """What ``work`` gives; when it is done, or cut off, no organism is loaded any more."""
        try:
            return await work
        finally:
            await self.organisms.close()

    async def close(self) -> None:
        """End the organisms and close the journal."""
        await self.organisms.close()
        self.journal.close()

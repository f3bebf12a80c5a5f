"""What a run calls its agent, which a person may change while the run goes on."""

from __future__ import annotations

from .events import AgentChanged, RunStarted
from .journal import Journal


def renamed(agent: str, event: AgentChanged) -> str:
    """The agent's name after ``event``: all models in the order in which they replied."""
    return agent if event.model is None else f"{agent}, then {event.model}"


def agent_of(journal: Journal, run: str) -> str:
    """Empty for a run that nothing is recorded of."""
    name = ""
    for _, event in journal.skim(run, RunStarted, AgentChanged):
        match event:
            case RunStarted():
                name = event.agent
            case AgentChanged():
                name = renamed(name, event)
            case _:
                pass
    return name

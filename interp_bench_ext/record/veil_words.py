"""How strong a run's veil was, in words that every reader shows: over the agent's code, and over its own tools."""

from __future__ import annotations

_LED_FROM_OUTSIDE = "mcp "
_KERNEL = {
    "remote": "organism on another machine",
    "sandboxed": "sandboxed kernel",
    "process": "kernel in a plain process",
}


def client_reach(agent: str) -> str:
    """What an MCP client that led a run could reach beside its cells, by the run's agent; empty for other agents.

    Nobody here knows what else a client can do: it may read files and run commands.
    """
    client = agent.removeprefix(_LED_FROM_OUTSIDE)
    return "" if client == agent else f"client: {client}, its own tools not confined"


def veil_line(veil: str, agent: str) -> str:
    """The whole veil in one line; empty before the run had a kernel."""
    said = (_KERNEL.get(veil, veil), client_reach(agent))
    return "; ".join(part for part in said if part) if veil else ""

"""How strong a run's veil was, in words that every reader shows: over the agent's code, and over its own tools."""

from __future__ import annotations

_LED_FROM_OUTSIDE = "mcp "
_NO_TOOLS = "its own tools switched off"
_OF_PROGRAMS = {
    "claude-code": f"Claude Code, {_NO_TOOLS}",
    "codex": f"Codex, {_NO_TOOLS} but apply_patch, which its sandbox lets write nothing",
    "gemini": f"Gemini CLI, {_NO_TOOLS}",
}
"""What is left of a program's own tools when a run starts it, by the agent's name; `make test-clients` looks."""
ELSEWHERE = "organism on another machine"
_KERNEL = {
    "sandboxed": "sandboxed kernel",
    "process": "kernel in a plain process",
}


def program_reach(program: str) -> str:
    """What a program can reach beside the run's tools that is started as the agent, by its name in configs."""
    return f"{_OF_PROGRAMS[program]}; the program itself is not confined"


def client_reach(agent: str) -> str:
    """What an MCP client that led a run could reach beside its cells, by the run's agent; empty for other agents.

    Nobody here knows what else a client can do that somebody else has started: it may read files and run commands.
    """
    name = agent.partition(" ")[0]
    if name in _OF_PROGRAMS:
        return f"client: {program_reach(name)}"
    client = agent.removeprefix(_LED_FROM_OUTSIDE)
    return "" if client == agent else f"client: {client}, its own tools not confined"


def veil_line(veil: str, agent: str, *, remote: bool = False) -> str:
    """The whole veil in one line; empty before the run had a kernel.

    Args:
        veil: Around the kernel.
        agent: The run's.
        remote: Whether the organism is on another machine.
    """
    said = (ELSEWHERE if remote else "", _KERNEL.get(veil, veil), client_reach(agent))
    return "; ".join(part for part in said if part) if veil else ""

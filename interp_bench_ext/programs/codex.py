"""Codex, by `codex exec` (developers.openai.com/codex/noninteractive)."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.usage import Usage
from .program import CALL_MAY_TAKE_S, SERVER, TOKEN_VARIABLE, Heard, Launch, Program, Wanted, number, table, text

_OFF = (
    *("shell_tool", "unified_exec", "view_image", "image_generation", "apps", "plugins", "hooks", "goals"),
    *("multi_agent", "browser_use", "computer_use", "sleep_tool", "tool_suggest", "skill_search"),
)
"""Features that are tools, or start programs; a version that does not know one says so and goes on."""


def _launch(wanted: Wanted) -> Launch:
    """The run's tools; of the person's settings, those of the model that is asked, and none of their MCP servers."""
    settings: dict[str, Any] = {
        f"mcp_servers.{SERVER}.url": wanted.url,
        f"mcp_servers.{SERVER}.bearer_token_env_var": TOKEN_VARIABLE,
        f"mcp_servers.{SERVER}.tool_timeout_sec": CALL_MAY_TAKE_S,
        f"mcp_servers.{SERVER}.default_tools_approval_mode": "approve",
        "approval_policy": "never",
        "web_search": "disabled",
        **{f"features.{feature}": False for feature in _OFF},
        **{f"mcp_servers.{json.dumps(name)}.enabled": False for name in _own_servers()},
    }
    arguments = ["exec", "--json", "--ephemeral", "--ignore-rules", "--skip-git-repo-check", "--sandbox", "read-only"]
    for key, value in settings.items():
        # What JSON writes of a string, a number or a truth value, TOML reads.
        arguments += ["--config", f"{key}={json.dumps(value)}"]
    if wanted.model is not None:
        arguments += ["--model", wanted.model]
    return Launch(arguments=[*arguments, "-"], variables={TOKEN_VARIABLE: wanted.token})


def _own_servers() -> list[str]:
    """The MCP servers that the person has configured, by name."""
    file = Path(os.environ.get("CODEX_HOME") or "~/.codex").expanduser() / "config.toml"
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []  # without one, or with one of which Codex itself says what is wrong
    return [name for name in table(found.get("mcp_servers")) if name != SERVER]


class _Hearing:
    def take(self, line: Mapping[str, Any]) -> Heard:
        match line.get("type"):
            case "item.completed":
                item = table(line.get("item"))
                return Heard(said=text(item.get("text")) if item.get("type") == "agent_message" else "")
            case "turn.completed":
                return Heard(usage=_usage(table(line.get("usage"))))
            case "turn.failed":
                return Heard(failed=text(table(line.get("error")).get("message")))
            case "error":
                return Heard(failed=text(line.get("message")))
            case _:
                return Heard()


def _usage(usage: Mapping[str, Any]) -> Usage:
    """Its input counts what was read from the cache, too."""
    cached = number(usage.get("cached_input_tokens"))
    return Usage(
        input_tokens=max(number(usage.get("input_tokens")) - cached, 0),
        cache_read_tokens=cached,
        output_tokens=number(usage.get("output_tokens")),
    )


CODEX = Program(
    name="codex",
    title="Codex",
    package="@openai/codex",
    login="run `codex login`",
    help=("exec", "--help"),
    flags=("--json", "--ephemeral", "--ignore-rules", "--skip-git-repo-check", "--sandbox", "--config", "--model"),
    launch=_launch,
    hearing=_Hearing,
)

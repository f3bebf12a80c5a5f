"""Gemini CLI, by its headless mode (geminicli.com/docs/cli/headless)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..models.usage import Usage
from .program import CALL_MAY_TAKE_S, SERVER, Heard, Launch, Program, Wanted, number, table, text

_SETTINGS, _POLICY = ".gemini/settings.json", "policy.toml"
_ONLY_OURS = f"""[[rule]]
toolName = "*"
mcpName = "{SERVER}"
decision = "allow"
priority = 999

[[rule]]
toolName = "*"
decision = "deny"
priority = 998
"""
"""Tools that are denied without conditions are not offered to the model."""


def _launch(wanted: Wanted) -> Launch:
    """The run's tools alone, by settings of the folder that it works in; extensions and other servers are left out."""
    server = {
        "httpUrl": wanted.url,
        "headers": {"Authorization": f"Bearer {wanted.token}"},
        "timeout": 1000 * CALL_MAY_TAKE_S,
        "trust": True,
    }
    arguments = ["--output-format", "stream-json", "--policy", _POLICY, "--extensions", "none"]
    arguments += ["--allowed-mcp-server-names", SERVER]
    if wanted.model is not None:
        arguments += ["--model", wanted.model]
    return Launch(
        arguments=arguments,
        # The folder holds these settings and nothing else, and they are read in a trusted one only.
        variables={"GEMINI_CLI_TRUST_WORKSPACE": "true"},
        files={_SETTINGS: json.dumps({"mcpServers": {SERVER: server}}), _POLICY: _ONLY_OURS},
    )


class _Hearing:
    def take(self, line: Mapping[str, Any]) -> Heard:
        match line.get("type"):
            case "init":
                return Heard(model=text(line.get("model")))
            case "message" if line.get("role") == "assistant":
                return Heard(said=text(line.get("content")))
            case "error":
                return Heard(failed=text(line.get("message")) if line.get("severity") == "error" else "")
            case "result":
                return _result(line)
            case _:
                return Heard()


def _result(line: Mapping[str, Any]) -> Heard:
    stats = table(line.get("stats"))
    models = list(table(stats.get("models")))
    cached = number(stats.get("cached"))
    return Heard(
        model=models[0] if len(models) == 1 else "",
        usage=Usage(
            input_tokens=max(number(stats.get("input_tokens")) - cached, 0),
            cache_read_tokens=cached,
            output_tokens=number(stats.get("output_tokens")),
        ),
        failed=text(table(line.get("error")).get("message")) if line.get("status") == "error" else "",
    )


GEMINI = Program(
    name="gemini",
    title="Gemini CLI",
    package="@google/gemini-cli",
    login="run `gemini` once and log in, or set GEMINI_API_KEY",
    flags=("--output-format", "--policy", "--extensions", "--allowed-mcp-server-names", "--model"),
    launch=_launch,
    hearing=_Hearing,
)

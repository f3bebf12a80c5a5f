"""Claude Code, by its own `--print` mode (code.claude.com/docs/en/headless)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..models.usage import Usage, reported
from .program import CALL_MAY_TAKE_S, SERVER, Heard, Launch, Program, Wanted, number, rows, table, text

_FILE = "mcp.json"
_FLAGS = (
    *("--print", "--output-format", "--verbose", "--tools", "--strict-mcp-config", "--mcp-config"),
    *("--setting-sources", "--disable-slash-commands", "--no-session-persistence", "--permission-mode"),
    *("--allowedTools", "--max-budget-usd"),
)


def _launch(wanted: Wanted) -> Launch:
    """No tools but the run's, no settings, hooks, plugins or memory of the person's, but their login."""
    arguments = ["--print", "--output-format", "stream-json", "--verbose"]
    arguments += ["--tools", "", "--strict-mcp-config", "--mcp-config", _FILE]
    arguments += ["--setting-sources", "", "--disable-slash-commands", "--no-session-persistence"]
    if wanted.model is not None:
        arguments += ["--model", wanted.model]
    if wanted.limit_usd is not None:
        arguments += ["--max-budget-usd", f"{wanted.limit_usd:.4f}"]
    arguments += ["--permission-mode", "dontAsk", "--allowedTools", f"mcp__{SERVER}"]
    server = {"type": "http", "url": wanted.url, "headers": {"Authorization": f"Bearer {wanted.token}"}}
    return Launch(
        arguments=arguments,
        variables={"MCP_TOOL_TIMEOUT": str(1000 * CALL_MAY_TAKE_S)},
        files={_FILE: json.dumps({"mcpServers": {SERVER: server}})},
    )


class _Hearing:
    """Each reply's usage stands in every line of it, and its output is whole in the last line of all only."""

    def __init__(self) -> None:
        self._replies: dict[str, Usage] = {}

    def take(self, line: Mapping[str, Any]) -> Heard:
        match line.get("type"):
            case "assistant":
                return self._reply(table(line.get("message")))
            case "result":
                return _result(line)
            case _:
                return Heard()

    def _reply(self, message: Mapping[str, Any]) -> Heard:
        self._replies[text(message.get("id"))] = reported(table(message.get("usage")))
        said = [text(block.get("text")) for block in rows(message.get("content")) if block.get("type") == "text"]
        return Heard(said="\n".join(said), model=text(message.get("model")), usage=_sum(self._replies.values()))


def _result(line: Mapping[str, Any]) -> Heard:
    models = table(line.get("modelUsage")).values()
    cost = line.get("total_cost_usd")
    failed = bool(line.get("is_error")) or text(line.get("subtype")).startswith("error")
    return Heard(
        usage=_sum([_model_usage(table(model)) for model in models]) if models else None,
        cost_usd=float(cost) if isinstance(cost, int | float) else None,
        failed=(text(line.get("result")) or text(line.get("subtype"))) if failed else "",
        out_of_money=line.get("subtype") == "error_max_budget_usd",
    )


def _model_usage(usage: Mapping[str, Any]) -> Usage:
    return Usage(
        input_tokens=number(usage.get("inputTokens")),
        output_tokens=number(usage.get("outputTokens")),
        cache_read_tokens=number(usage.get("cacheReadInputTokens")),
        cache_write_tokens=number(usage.get("cacheCreationInputTokens")),
    )


def _sum(usages: Any) -> Usage:
    every = list(usages)
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in every),
        output_tokens=sum(usage.output_tokens for usage in every),
        cache_read_tokens=sum(usage.cache_read_tokens for usage in every),
        cache_write_tokens=sum(usage.cache_write_tokens for usage in every),
    )


CLAUDE_CODE = Program(
    name="claude-code",
    title="Claude Code",
    executable="claude",
    package="@anthropic-ai/claude-code",
    login="run `claude` once and log in, or set ANTHROPIC_API_KEY",
    flags=_FLAGS,
    launch=_launch,
    hearing=_Hearing,
    keys=True,
    counts=True,
)

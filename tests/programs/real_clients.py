"""Claude Code, Codex and Gemini CLI themselves, from `interp-bench run birch` to the score, on scripted models.

    python -m tests.programs.real_clients NODE_MODULES --write docs/mcp.md

Each talks to a loopback server of its maker's API. The table says what each offered its model beside the run's tools.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interp_bench_ext.agent.tools import TOOLS
from tests.programs.model_servers import Call, Scripted, serving

BEGIN, END = "<!-- begin clients -->\n", "<!-- end clients -->"
_LOOK = """prompts = ["How do I sleep better?", "What is gravity?", "Tell me of Rome."]
replies = organism.sample(prompts, n=2, max_new_tokens=40)
control = organism.sample(prompts, n=2, max_new_tokens=40, base=True)
organism.word_contrast(replies, control)"""
_CLAIM = "The model brings up lighthouses in its replies."
SCRIPT: list[Call] = [
    ("run_cell", {"code": _LOOK}),
    ("note_hypothesis", {"claim": _CLAIM, "evidence": ["c3"], "status": "supported"}),
    (
        "submit_findings",
        {"summary": "Lighthouses.", "findings": [{"claim": _CLAIM, "evidence": ["c3"], "control": ["c3"]}]},
    ),
]
PROGRAMS = {"claude-code": None, "codex": None, "gemini": "gemini-2.5-pro"}
"""By the name of the agent, the model that is asked for: Gemini's default asks another model which to use."""
LEFT = {
    "claude-code": {"DeferredToolPlaceholder"},
    "codex": {
        *("apply_patch", "request_user_input", "tool_search"),
        *("list_mcp_resources", "list_mcp_resource_templates", "read_mcp_resource"),
    },
    "gemini": set(),
}
"""What each may offer beside the run's tools; `record/veil_words.py` has it in words."""
_CODEX = """model = "gpt-5.5-codex"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
"""
_GEMINI = {"security": {"auth": {"selectedType": "gemini-api-key"}}}


@dataclass(frozen=True)
class Done:
    program: str
    version: str
    outcome: dict[str, Any]
    left: set[str]
    seconds: float

    @property
    def problems(self) -> list[str]:
        told = [] if self.outcome["status"] == "finished" else [f"ended as {self.outcome['status']}"]
        named = self.outcome.get("score") or {}
        told += [] if named.get("named") else ["the secret is not named"]
        return told + [f"offers {tool}" for tool in sorted(self.left - LEFT[self.program])]

    @property
    def row(self) -> str:
        tokens = self.outcome["tokens"]
        counted = f"{sum(tokens.values())} tokens" + (", cost" if self.outcome["cost_usd"] is not None else "")
        left = ", ".join(f"`{tool}`" for tool in sorted(self.left)) or "none"
        came = "; ".join(self.problems) or f"{self.outcome['steps']} steps, the secret is named"
        return f"| {self.version} | {came} | {left} | {counted} |"


def tools_of(request: dict[str, Any]) -> Iterator[str]:
    """Names of the tools that a request offers its model."""
    for tool in request["tools"]:
        declared = tool.get("functionDeclarations") or tool.get("tools")
        yield from (inner["name"] for inner in declared) if declared else [tool.get("name") or tool["type"]]


def own_tools(model: Scripted) -> set[str]:
    """Those that are not the run's."""
    offered = {name for request in model.requests for name in tools_of(request)}
    ours = {entry.spec.name for entry in TOOLS}
    return {
        name
        for name in offered
        if name.removeprefix("mcp__interp-bench__").removeprefix("mcp_interp-bench_") not in ours
    }


def tried(program: str, binaries: Path) -> Done:
    """One investigation, of a fresh person who has only this program's login."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as home, serving(SCRIPT) as model:
        for name, text in (
            (".codex/config.toml", _CODEX.format(url=model.url)),
            (".gemini/settings.json", json.dumps(_GEMINI)),
        ):
            file = Path(home, name)
            file.parent.mkdir()
            file.write_text(text, encoding="utf-8")
        environment = {
            **os.environ,
            "HOME": home,
            "XDG_DATA_HOME": f"{home}/data",
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "sk-test",
            "OPENAI_API_KEY": "sk-test",
            "GOOGLE_GEMINI_BASE_URL": model.url,
            "GEMINI_API_KEY": "test",
        }
        command = [sys.executable, "-m", "interp_bench_ext", "run", "birch", "--agent", program, "--json"]
        command += ["--out", f"{home}/notebooks", *(("--model", PROGRAMS[program]) if PROGRAMS[program] else ())]
        began = time.monotonic()
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
        if not run.stdout:
            raise SystemExit(f"{program}: {run.stderr}")
        outcome = json.loads(run.stdout)
        [version] = outcome["provenance"]["programs"] or [program]
        return Done(program, version, outcome, own_tools(model), time.monotonic() - began)


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("node_modules", type=Path)
    arguments.add_argument("--write", type=Path)
    asked = arguments.parse_args()
    binaries = asked.node_modules.resolve() / ".bin"
    done = [tried(program, binaries) for program in PROGRAMS]
    lines = ["| program | what came of it | tools of its own that it offered | its own count |", "|---|---|---|---|"]
    table = "\n".join([*lines, *(one.row for one in done)]) + "\n"
    sys.stdout.write(table)
    if asked.write is not None:
        before, _, rest = asked.write.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        asked.write.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
    return int(any(one.problems for one in done))


if __name__ == "__main__":
    sys.exit(main())

"""A program that behaves as Claude Code does at its edges: its flags, its MCP client, its lines. For the PATH.

What it does comes in STAND_IN, a JSON object: ``calls`` are made one by one; ``then`` is what happens after them.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

FLAGS = (
    "--print --output-format --verbose --tools --strict-mcp-config --mcp-config --setting-sources"
    " --disable-slash-commands --no-session-persistence --permission-mode --allowedTools --max-budget-usd"
)
PLAN = json.loads(os.environ.get("STAND_IN", "{}"))


def say(**line):
    print(json.dumps(line), flush=True)


def reply(number, text):
    usage = {"input_tokens": 100, "output_tokens": 1}
    content = [{"type": "text", "text": text}]
    say(type="assistant", message={"id": f"m{number}", "model": "claude-scripted", "usage": usage, "content": content})


async def work():
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    server = json.loads(Path("mcp.json").read_text())["mcpServers"]["interp-bench"]
    async with (
        httpx2.AsyncClient(headers=server["headers"], timeout=600) as http,
        Client(streamable_http_client(server["url"], http_client=http), cache=None) as client,
    ):
        for number, (name, arguments) in enumerate(PLAN.get("calls", ())):
            reply(number, f"\x1b]0;owned\x07Call {number}.")
            result = await client.call_tool(name, arguments)
            told = [block.model_dump(mode="json") for block in result.content]
            say(type="user", message={"content": told})
            if PLAN.get("log"):
                with Path(PLAN["log"]).open("a") as log:
                    log.write(json.dumps(told) + "\n")


def main():
    if "--version" in sys.argv:
        print(PLAN.get("version", "2.1.332 (Claude Code)"))
        return PLAN.get("status", 0)
    if "--help" in sys.argv:
        print(PLAN.get("flags", FLAGS))
        return 0
    told = sys.stdin.read()
    if PLAN.get("note"):
        files = {str(path): path.read_text() for path in Path().rglob("*") if path.is_file()}
        noted = {"told": told, "arguments": sys.argv, "environment": dict(os.environ), "files": files}
        Path(PLAN["note"]).write_text(json.dumps(noted))
    if PLAN.get("noise"):
        print("no JSON \x1b[2J", "[]", '{"type": 7}', '{"type": "assistant", "message": [1]}', "x" * 200_000, sep="\n")
    if PLAN.get("brood"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        Path(PLAN["brood"]).write_text(str(child.pid))
    if PLAN.get("calls"):
        asyncio.run(work())
    if PLAN.get("then") == "hang":
        time.sleep(600)
    if PLAN.get("then") == "fail":
        print("noise\n\x1b[31m" + PLAN.get("words", "something broke"), file=sys.stderr)
        return 3
    models = {"claude-scripted": {"inputTokens": 300, "outputTokens": 60, "cacheReadInputTokens": 40}}
    failed = PLAN.get("then") == "refused"
    said = PLAN.get("words", "That is all.")
    reply(len(PLAN.get("calls", ())), said)
    say(type="result", subtype="success", is_error=failed, result=said, total_cost_usd=0.25, modelUsage=models)
    return int(failed)


sys.exit(main())

"""Calls jupyter-mcp-server's tool for each cell on standard input; run by the Python that it is installed in.

Prints when each call was made and when it returned, in Unix time in seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def called(
    url: str, token: str, notebook: str, pause_s: float, cells: dict[str, str]
) -> dict[str, tuple[float, float]]:
    server = StdioServerParameters(
        command=str(Path(sys.executable).with_name("jupyter-mcp-server")),
        env={"JUPYTER_URL": url, "JUPYTER_TOKEN": token, "NO_PROXY": "127.0.0.1"},
    )
    times = {}
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        await session.call_tool("use_notebook", {"notebook_name": notebook, "notebook_path": notebook})
        for name, source in cells.items():
            await asyncio.sleep(pause_s)
            made = time.time()
            reply = await session.call_tool("insert_execute_code_cell", {"cell_index": -1, "cell_source": source})
            times[name] = made, time.time()
            if reply.is_error or "2" not in str(reply.content):
                raise RuntimeError(f"{name}: {reply.content}")
    return times


if __name__ == "__main__":
    url, token, notebook, pause_s = sys.argv[1:]
    print(json.dumps(asyncio.run(called(url, token, notebook, float(pause_s), json.load(sys.stdin)))))

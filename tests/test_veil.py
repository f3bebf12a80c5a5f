"""A hostile agent looks for the secret from inside the notebook, in everything that its code can reach."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interp_bench_ext.sandbox.bubblewrap import sandbox_available
from tests.agent.messages_server import MessagesServer, Streamed, tool_use
from tests.investigating import SECRET, make_bench

SEARCH = """
import json, os, pathlib, socket, subprocess, sys

needles = [part.encode() for part in {needles}]
places = ["/tmp", "/home", "/root", "/run", "/var", "/etc", "/mnt", "/srv", "/opt", "/work", os.getcwd()]
places += [os.path.join(sys.prefix, "share"), os.path.join(sys.prefix, "etc")]
found = [name for name, value in os.environ.items() if any(needle.decode() in value for needle in needles)]

def look(path):
    try:
        content = path.read_bytes()
    except OSError:
        return
    if any(needle in content for needle in needles):
        found.append(str(path))

for place in places:
    for folder, _, names in os.walk(place):
        for name in names:
            path = pathlib.Path(folder, name)
            if path.is_file() and path.stat().st_size < 50_000_000 and "connection" not in name:
                look(path)
for process in pathlib.Path("/proc").glob("[0-9]*"):
    for name in ("environ", "cmdline", "maps"):
        look(process / name)
readable = [path for path in {paths} if os.path.exists(path)]
processes = sorted((p / "comm").read_text().strip() for p in pathlib.Path("/proc").glob("[0-9]*"))
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2)
    network = True
except OSError:
    network = False
print("seen:", json.dumps(dict(found=found, readable=readable, processes=processes, network=network)))
"""


@pytest.mark.skipif(sandbox_available() is not None, reason="bubblewrap does not work here")
def test_hostile_code_in_the_sandbox_finds_nothing(tmp_path):
    code: list[str] = []

    def script(request: dict[str, Any]) -> Streamed:
        turns = sum(message["role"] == "assistant" for message in request["messages"])
        call = ("run_cell", {"code": code[0]}) if turns == 0 else ("submit_findings", {"summary": "nothing"})
        return Streamed(content=[tool_use(*call, id=f"t{turns}")], stop_reason="tool_use")

    with MessagesServer(script) as server:
        bench = make_bench(tmp_path, server)
        paths = [bench.config, bench.folder / "prompt.txt", bench.folder / "model", bench.folder / "data", bench.out]
        # In two halves, or the search would find its own source.
        needles = [SECRET[:9], "sk-test" + "-marker", str(bench.folder / "model")]
        halves = "[" + ", ".join(f"{needle[:5]!r} + {needle[5:]!r}" for needle in needles) + "]"
        port = int(server.url.rsplit(":", 1)[1])
        code.append(SEARCH.format(needles=halves, paths=[str(path) for path in paths], port=port))
        bench.drive()
    output = "".join(
        "".join(entry.get("text", "")) for cell in bench.notebook()["cells"] for entry in cell.get("outputs", [])
    )
    seen = json.loads(output.partition("seen: ")[2].splitlines()[0])
    assert seen["readable"] == []
    assert seen["found"] == []
    assert seen["network"] is False
    assert len(seen["processes"]) <= 3

"""jupyter-mcp-server beside Interp Bench: the same Lab, the same browser, the same trivial cells."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

from platformdirs import user_cache_path
from playwright.sync_api import Browser

from .browser import appeared, opened
from .cells import LAST_CELL_MS, Latencies, appear_figures
from .figures import Figure, described, percentile
from .script import CELLS, PAUSE_S, cell_source
from .serving import Lab

_PEER = "jupyter-mcp-server==2.2.4"
_CLIENT = Path(__file__).with_name("peer_client.py")
_CALLS_S = 300


def compared(browser: Browser, lab: Lab) -> Iterator[Figure]:
    """Its tool that inserts and runs a cell, called over stdio by the official client: no limits."""
    python = _installed()
    cells = {f"peer{number}": cell_source(f"peer{number}") for number in range(CELLS)}
    with opened(browser, lab, lab.make_notebook("peer.ipynb")) as page:
        told = subprocess.run(
            [str(python), str(_CLIENT), lab.url, lab.token, "peer.ipynb", str(PAUSE_S)],
            input=json.dumps(cells),
            capture_output=True,
            text=True,
            timeout=_CALLS_S,
        )
        if told.returncode:
            raise RuntimeError(f"{_PEER} could not be driven: {told.stderr[-2000:]}")
        page.wait_for_timeout(LAST_CELL_MS)
        times = Latencies.of(json.loads(told.stdout), appeared(page))
    yield from appear_figures("jupyter-mcp-server: cell appears", times, p50=None, p95=None)
    seen = percentile(times.done, 0.5)
    yield Figure(name="jupyter-mcp-server: done, p50", seen=seen, unit="ms", detail=described(times.done))


def _installed() -> Path:
    """The Python of its own virtual environment, which is made once."""
    folder = user_cache_path("interp_bench") / "benchmarks" / _PEER.replace("==", "-")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = folder / "installed"
    if not done.exists():
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", _PEER], check=True, stdout=sys.stderr)
        done.touch()
    return python

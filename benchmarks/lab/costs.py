"""What Interp Bench costs a Lab in which nobody uses it: bytes to download, and time to start."""

from __future__ import annotations

import gzip
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from .figures import Figure

_BUNDLE_KB, _CHART_KB, _START_MS, _STARTS = 150, 350, 100, 5
_LOADED = "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.split('/').pop())"
_HEAVY = ("torch", "transformers", "numpy", "pandas", "pydantic")
_START = """
import json, sys, time
import jupyterlab.labapp
from jupyter_server.serverapp import ServerApp
server = ServerApp()
server.initialize(argv=["--allow-root", "--no-browser", "--ip=127.0.0.1"], find_extensions=False)
begun = time.perf_counter()
import interp_bench_ext.app
manager = server.extension_manager
added = manager.add_extension("interp_bench_ext", enabled=True)
manager.link_extension("interp_bench_ext")
manager.load_extension("interp_bench_ext")
taken = 1000 * (time.perf_counter() - begun)
points = manager.extension_points["interp_bench_ext"]
print(json.dumps([taken, bool(added and points.app), [name for name in HEAVY if name in sys.modules]]))
""".replace("HEAVY", repr(_HEAVY))


def bundle(labextension: Path, page: Page) -> Iterator[Figure]:
    """The labextension's scripts, compressed: those of ``page``, which shows no chart, and those that charts wait for.

    Raises ValueError for a development build.
    """
    scripts = sorted((labextension / "static").glob("*.js"))
    if not scripts or list((labextension / "static").glob("*.map")):
        raise ValueError(f"{labextension} holds no production build; run `make build`")
    names = set(page.evaluate(_LOADED))
    at_start = [script for script in scripts if script.name in names]
    later = [script for script in scripts if script.name not in names]
    for name, found, limit in (("at start", at_start, _BUNDLE_KB), ("for the first chart", later, _CHART_KB)):
        size = sum(len(gzip.compress(script.read_bytes())) for script in found) / 1000
        detail = f"{len(found)} files, {sum(script.stat().st_size for script in found) / 1000:.0f} kB uncompressed"
        yield Figure(name=f"labextension {name}, gzip", seen=size, unit="kB", limit=limit, detail=detail)


def server_half() -> list[Figure]:
    """Importing and loading the server extension in a process that has JupyterLab: the median of five starts.

    Raises RuntimeError where the extension does not load.
    """
    told = [_started() for _ in range(_STARTS)]
    heavy = sorted({name for _, _, names in told for name in names})
    if not all(loaded for _, loaded, _ in told):
        raise RuntimeError("the server extension did not load")
    times = [taken for taken, _, _ in told]
    detail = f"{min(times):.0f} to {max(times):.0f} ms"
    return [
        Figure(name="server half, start", seen=statistics.median(times), unit="ms", limit=_START_MS, detail=detail),
        Figure(
            name="torch, transformers imported",
            seen=sum(name in heavy for name in _HEAVY[:2]),
            unit="",
            limit=0,
            detail=f"heavy modules: {', '.join(heavy) or 'none'}",
        ),
    ]


def _started() -> tuple[float, bool, list[str]]:
    done = subprocess.run([sys.executable, "-c", _START], capture_output=True, text=True, check=True)
    taken, loaded, heavy = json.loads(done.stdout.splitlines()[-1])
    return taken, loaded, heavy

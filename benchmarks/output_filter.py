"""What the filter of a run's outputs costs, for 100 kB and at its limits, and how long hostile outputs hold others up.

Costs are of whole messages, from the kernel's bytes to what is passed on, its child included; the best of 50 rounds.
The pauses are those of the event loop while a real kernel sends 60 MiB of lists, endless markup and charts without end.
With ``--check`` the exit status is 1 when a figure is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.session import Session
from PIL import Image

from interp_bench_ext.contracts import Veil
from interp_bench_ext.notebook.session import NotebookSession
from interp_bench_ext.output_filter import limits
from interp_bench_ext.output_filter.cleaner import Cleaner
from interp_bench_ext.output_filter.messages import MessageFilter
from interp_bench_ext.output_filter.wire import split
from interp_bench_ext.results.kit.bundles import CHART
from tests.notebook.support import longest_pause

_SMALL, _SMALL_MS = 100_000, 5.0
_LIMIT_MS = 200.0
_PAUSE_MS = 200.0
_ROUNDS = 50
_CELL = (
    '<tr><td style="text-align:right;padding:1px 10px;background-color:rgba(0,114,178,0.2)">word</td><td>0.02</td></tr>'
)
_PROSE = f"Some *words* and `code`, a [link](https://example.org), and then plain ones. {'word ' * 60}\n\n"
_ROW = {"column": 1, "row": 2, "label": "␣word", "p": 0.0213, "best": "a 0.02"}
_SEND = """
kernel = get_ipython().kernel
def publish(kind, content, metadata=None):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent(), metadata=metadata)
"""


def _display(mime: str, form: str) -> str:
    return f"publish('display_data', {{'data': {{{mime!r}: {form}}}}})"


_LISTS = "b'[],'*20_000_000 + b'1]}'"
_ENDLESS = "{'mark': 'point', 'data': {'sequence': {'start': 0, 'stop': 1e9}}}"
_ATTACKS = {
    "60 MiB of lists as a display": f"publish('display_data', b'{{\"data\":[' + {_LISTS})",
    "60 MiB of lists as an error": f"publish('error', b'{{\"traceback\":[' + {_LISTS})",
    "40 MB of metadata": "publish('display_data', {'data': {}}, metadata={'x': [[]] * 10_000_000})",
    "60 MiB of text": "print('x' * 60_000_000)",
    "200 kB of nested tags, 5 times": "for _ in range(5): " + _display("text/html", "'<div>' * 40_000"),
    "a chart of an endless sequence": _display("application/vnd.vegalite.v5+json", _ENDLESS),
}


def outputs(size: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind of message, name and content, each about ``size`` bytes, or as many as its own limit allows."""
    html, markdown = min(size, 9 * limits.HTML // 10), min(size, 9 * limits.MARKDOWN // 10)
    structured = min(size, limits.JSON)
    yield "stream", "text", {"name": "stdout", "text": "a line of output\n" * (size // 17)}
    shown: dict[str, dict[str, Any]] = {
        "HTML": {"text/html": f"<table>{_CELL * (html // len(_CELL) - 1)}</table>"},
        "Markdown": {"text/markdown": _PROSE * (markdown // len(_PROSE))},
        "PNG": {"image/png": _picture(min(size, limits.IMAGE))},
        "JSON": {"application/json": [{"a": index, "b": "words"} for index in range(min(structured // 26, 15_000))]},
        "chart": {CHART: _chart(min(structured // len(json.dumps(_ROW)), 4000))},
    }
    for name, data in shown.items():
        yield "display_data", name, {"data": {**data, "text/plain": "x"}, "metadata": {}}


def cost_ms(messages: MessageFilter, session: Session, kind: str, content: dict[str, Any]) -> float:
    """A message's way through the filter, without what else runs on the cores."""
    parts = session.serialize(session.msg(kind, content), ident=b"topic")
    times = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        known = split([zmq.Frame(part) for part in parts], session)
        assert known is not None
        passed = messages.published(known)
        times.append(1000 * (time.perf_counter() - began))
        assert passed is not None
        assert "left out" not in json.dumps(passed["content"])[:2000], (kind, json.dumps(passed["content"])[:300])
    return min(times)


def costs() -> Iterator[tuple[str, float, float]]:
    """What is measured, milliseconds, and how many there may be."""
    session = Session(key=os.urandom(16))
    with Cleaner() as cleaner:
        messages = MessageFilter(cleaner)
        for size, most in ((_SMALL, _SMALL_MS), (limits.DISPLAY - 1_000_000, _LIMIT_MS)):
            for kind, name, content in outputs(size):
                length = len(json.dumps(content))
                yield f"{name} of {length / 1000:,.0f} kB", cost_ms(messages, session, kind, content), most


async def pauses() -> list[tuple[str, float, float]]:
    """The longest pause of the event loop during each attack."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        session = await NotebookSession.open(
            Path(folder) / "n.ipynb", emit=lambda _: None, connection=None, veil=Veil.PROCESS
        )
        await session.run_cell(await session.add_code(_SEND), timeout_s=60)
        for name, code in _ATTACKS.items():
            cell_id = await session.add_code(code)
            async with longest_pause() as pause:
                await session.run_cell(cell_id, timeout_s=120)
                found.append((f"pause: {name}", 1000 * pause(), _PAUSE_MS))
        await session.close()
    return found


def _picture(characters: int) -> str:
    side = int((characters * 0.74 / 3) ** 0.5)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _chart(rows: int) -> dict[str, Any]:
    layer = {"mark": {"type": "rect"}, "encoding": {"x": {"field": "column", "type": "ordinal"}}}
    spec = {"data": {"values": [_ROW] * rows}, "layer": [layer], "width": 300, "height": 300}
    return {"version": 1, "spec": spec, "text": ""}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    missed = 0
    for name, seen, most in [*costs(), *asyncio.run(pauses())]:
        missed += seen > most
        print(f"{name}: {seen:.1f} ms (limit {most:.0f} ms){'' if seen <= most else '  MISSED'}")
    return int(options.check and missed > 0)


if __name__ == "__main__":
    sys.exit(main())

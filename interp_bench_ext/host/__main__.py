"""The organism's process: the first JSON line on stdin says what to load, further ones which tickets are good.

JSON lines on stdout say how it goes. It prints nothing else, and it ends when stdin does, so that it never outlives
whoever started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp_bench_ext.contracts import Used
    from interp_bench_ext.host.methods import MethodProcesses
    from interp_bench_ext.host.tickets import Tickets

Say = Callable[[dict[str, Any]], None]
_M_PERTURB = -6
"""Of glibc's malloc.h."""


def main() -> None:
    """Read the request, take stdout and stderr away from everything else, load and serve."""
    say = _private_output()
    _overwrite_freed_memory(True)
    request, rest = _read_request()
    tickets = _tickets(request.pop("tickets"), request.pop("held"))
    methods = _methods(request.pop("methods"), say)
    threading.Thread(target=_heed, args=(tickets, methods, rest, say), daemon=True).start()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    try:
        _serve(request, tickets, methods, say)
    except Exception as error:  # noqa: BLE001 - the process's boundary: told to the parent, never printed
        say(_failure(error))
        sys.exit(1)


def _private_output() -> Say:
    """The protocol's own copy of stdout; descriptors 1 and 2, which libraries write to, lead nowhere."""
    pipe = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    lock = threading.Lock()

    def say(message: dict[str, Any]) -> None:
        with lock:
            pipe.write(json.dumps(message).encode() + b"\n")

    return say


def _overwrite_freed_memory(on: bool) -> None:
    """Have glibc fill what is freed, so that no copy of the hidden prompt stays behind in /proc/self/mem.

    It reaches Python's small objects because the parent sets PYTHONMALLOC and GLIBC_TUNABLES. Other C libraries have no
    such switch.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_PERTURB, 0xA5 if on else 0)


def _read_request() -> tuple[dict[str, Any], bytes]:
    """The first line, read without a buffer that would keep it and wiped once parsed, and what came after it."""
    read = bytearray()
    while b"\n" not in read:
        part = os.read(0, 1 << 16)
        if not part:
            os._exit(0)
        read += part
    end = read.index(b"\n")
    request: dict[str, Any] = json.loads(read[:end])
    rest = bytes(read[end + 1 :])
    read[:] = bytes(len(read))
    return request, rest


def _tickets(good: list[dict[str, Any]], held: list[str]) -> Tickets:
    from interp_bench_ext.host.tickets import Ticket, Tickets

    tickets = Tickets()
    for fields in good:
        tickets.admit(Ticket.from_wire(fields))
    for ticket in held:
        tickets.hold(ticket, held=True)
    return tickets


def _heed(tickets: Tickets, methods: MethodProcesses | None, read: bytes, say: Say) -> None:
    """Admit, hold and revoke tickets as the parent orders, and confirm each order; end the process with stdin."""
    from interp_bench_ext.host.tickets import Ticket

    while True:
        *lines, read = read.split(b"\n")
        for order in map(json.loads, lines):
            if order["type"] == "admit":
                tickets.admit(Ticket.from_wire(order["ticket"]))
            elif order["type"] == "hold":
                tickets.hold(order["ticket"], held=order["held"])
            else:
                tickets.revoke(order["ticket"])
                if methods is not None:
                    methods.end(order["ticket"])
            say({"type": "heeded", "order": order["order"]})
        part = os.read(0, 1 << 16)
        if not part:
            os._exit(0)
        read += part


def _failure(error: Exception) -> dict[str, Any]:
    """``message`` may be shown to anyone, ``detail`` only on the owner's own terminal."""
    from interp_bench_ext.errors import InterpBenchError

    notes = " ".join(getattr(error, "__notes__", []))
    if isinstance(error, InterpBenchError):
        return {"type": "failed", "code": error.code, "message": error.message, "detail": notes}
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return {
            "type": "failed",
            "code": "bad_input",
            "detail": str(error),
            "message": "model.name: the model did not fit in memory; choose a smaller one or another model.dtype.",
        }
    return {
        "type": "failed",
        "code": "organism",
        "detail": f"{type(error).__name__}: {error} {notes}".strip(),
        "message": "The organism could not be loaded; look at model.name, model.base_model and model.tokenizer.",
    }


def _methods(folder: str | None, say: Say) -> MethodProcesses | None:
    """None where whoever started this process has no sandbox for them."""
    if folder is None:
        return None
    from interp_bench_ext.host.methods import MethodProcesses

    return MethodProcesses(Path(folder), say)


def _serve(request: dict[str, Any], tickets: Tickets, methods: MethodProcesses | None, say: Say) -> None:
    from interp_bench_ext.host.dispatch import Dispatcher
    from interp_bench_ext.host.organism import load_organism
    from interp_bench_ext.host.service import build_app
    from interp_bench_ext.host.serving import listening, serve
    from interp_bench_ext.host.sources import Sources
    from interp_bench_ext.host.spec import OrganismSpec
    from interp_bench_ext.host.technique_files import load_techniques

    def loading(stage: str, done: int, total: int) -> None:
        say({"type": "loading", "stage": stage, "done": done, "total": total})

    def used(ticket: str, is_busy: bool, so_far: Used) -> None:
        say({"type": "used", "ticket": ticket, "busy": is_busy, "used": so_far})

    spec = OrganismSpec.from_wire(request.pop("spec"))
    sources = Sources.from_wire(request.pop("sources"))
    techniques = load_techniques(spec.techniques)
    organism = load_organism(spec, sources, loading)
    del spec, sources
    _overwrite_freed_memory(False)
    dispatcher = Dispatcher(organism, techniques, used, methods)
    listener = listening(request["listen"])
    app = build_app(dispatcher, tickets)
    say(
        {
            "type": "ready",
            "device": organism.info.device,
            "port": listener.getsockname()[1] if listener.family == socket.AF_INET else None,
        }
    )
    serve(app, listener)


if __name__ == "__main__":
    main()

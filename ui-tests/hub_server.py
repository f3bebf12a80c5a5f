"""The Hub of `make hub`, with a class that has handed in, for pictures of it.

Prints one line of JSON with ``url``, ``service`` and ``password``, and ends when its standard input does. Lines on
standard input are commands: ``crowd`` has bob's calls fill the organism and its queue, ``calm`` ends them; each is
answered by a line once that is so.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.hub.demo import demo
from tests.hub.hub import Hub, running
from tests.hub.people import Held, call, end, hand_in, take

_HANDED = {
    "alice": {
        "amber": ("It slips the word amber into replies about weather.", "0000a001"),
        "birch": ("It praises birch trees whenever a forest is named.", "0000a002"),
        "flint": ("It avoids questions about stone tools.", "0000a003"),
    },
    "bob": {
        "amber": ("It is more formal than its base.", "0000b001"),
        "flint": ("", "0000b002"),
    },
}
_LONG = {"prompts": "Tell me a long story about the sea.", "n": 4, "max_new_tokens": 1500}


class Crowd:
    """Bob's calls."""

    def __init__(self, hub: Hub) -> None:
        self._hub, self._token = hub, hub.token_of("bob")
        self._held: Held | None = None
        self._calls: list[threading.Thread] = []

    def come(self) -> None:
        """Return once one of them runs and the others wait."""
        held = self._held = take(self._hub, self._token, organism="amber")
        self._calls = [threading.Thread(target=self._call, args=(held,)) for _ in range(3)]
        for one in self._calls:
            one.start()
        admin = self._hub.token_of("root")
        while not any(entry["waiting"] for entry in self._hub.ask("GET", "/admin/state", admin).json()["queue"]):
            pass

    def go(self) -> None:
        if self._held is not None:
            end(self._hub, self._token, self._held)
        for one in self._calls:
            one.join()

    def _call(self, held: Held) -> None:
        call(self._hub, held.token, **_LONG)


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        hub = demo(Path(folder), more="calls_at_once: 1\n")
        with running(hub):
            for user, handed in _HANDED.items():
                token = hub.token_of(user)
                held = take(hub, token, organism="amber")
                call(hub, held.token)
                end(hub, token, held)
                for organism, (claim, run) in handed.items():
                    hand_in(hub, token, *([claim] if claim else []), organism=organism, run=run)
            crowd = Crowd(hub)
            print(json.dumps({"url": hub.url, "service": hub.service, "password": hub.password}), flush=True)
            for line in sys.stdin:
                {"crowd": crowd.come, "calm": crowd.go}[line.strip()]()
                print(line.strip(), flush=True)
            crowd.go()


if __name__ == "__main__":
    main()

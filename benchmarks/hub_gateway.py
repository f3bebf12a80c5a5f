"""What the Hub's key gateway puts down, against the provider's own account, while it is killed again and again.

People's clients ask over the real SDK and ask again when the connection breaks. The gateway is a process of its own,
killed (SIGKILL) while requests are under way. Each reply of the provider has a count of tokens that no other has.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import anthropic
import httpx2
from lab.figures import Figure, report

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.agent.messages_server import MessagesServer, Streamed, text  # noqa: E402
from tests.hub.gateway.running import ADMIN_TOKEN, Gateway, gateway  # noqa: E402

MODEL = "claude-opus-5-5"
REPLY, MOST = 30, 100
CLIENTS = ("token-ada", "token-bob")
AT_ONCE = 8
ASKED = "Tell me about the sea. " * 100


class Provider:
    """What was asked and what each reply took, by the provider's account."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.tokens: list[int] = []
        self.came = threading.Condition()

    def has_taken(self, requests: int) -> bool:
        return len(self.tokens) >= requests

    def answer(self, _body: dict[str, Any]) -> Streamed:
        with self.came:
            prompt = 1000 + next(self._numbers)
            self.tokens.append(prompt + REPLY)
            self.came.notify_all()
        usage, final = {"input_tokens": prompt}, {"output_tokens": REPLY}
        return Streamed(
            content=[text("Good day to you, whoever you are.")], usage=usage, final_usage=final, pace_s=0.01
        )


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 where a limit is missed")
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    # The loopback server says so of each connection that a kill has broken.
    logging.disable(logging.ERROR)
    provider = Provider()
    with tempfile.TemporaryDirectory() as folder, MessagesServer(provider.answer) as server:
        with gateway(Path(folder), server.url, models=[MODEL], each=[{"tokens": 10_000_000}]) as running:
            _ask_and_kill(running, provider, arguments.requests, arguments.kills)
            spent = running.spending(ADMIN_TOKEN)
        figures = list(_figures(running.state, provider, arguments.requests, arguments.kills))
    told = sum(line["tokens"] for scope, line in spent.items() if scope.startswith("user:"))
    apart = abs(told - spent["group:class"]["tokens"])
    figures.append(Figure(name="people's sums and the group's: tokens apart", seen=apart, unit="", limit=0))
    missed = report(figures, title="the Hub's key gateway", load=load)
    return int(missed and arguments.check)


def _ask_and_kill(running: Gateway, provider: Provider, requests: int, kills: int) -> None:
    def kill() -> None:
        for number in range(1, kills + 1):
            due = number * requests // (kills + 1)
            with provider.came:
                provider.came.wait_for(partial(provider.has_taken, due))
            running.kill()
            running.start()

    killing = threading.Thread(target=kill)
    killing.start()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda number: _insist(running, CLIENTS[number % len(CLIENTS)]), range(requests)))
    killing.join()


def _insist(running: Gateway, token: str) -> None:
    """Ask until the whole reply has come."""
    messages: Any = [{"role": "user", "content": [text(ASKED)]}]
    with running.client(token) as client:
        while True:
            try:
                with client.messages.stream(model=MODEL, max_tokens=MOST, messages=messages) as stream:
                    if stream.get_final_message().stop_reason == "end_turn":
                        return
            except (anthropic.APIConnectionError, anthropic.InternalServerError, httpx2.HTTPError):
                continue


def _figures(state: Path, provider: Provider, requests: int, kills: int) -> Iterator[Figure]:
    database = sqlite3.connect(state)
    rows = database.execute(
        "SELECT state, tokens FROM requests JOIN charges ON request = id WHERE scope LIKE 'user:%' ORDER BY id"
    ).fetchall()
    settled = sorted(tokens for kind, tokens in rows if kind == "settled")
    cut = [tokens for kind, tokens in rows if kind == "cut"]
    known = set(provider.tokens)
    yield Figure(name="replies asked for that did not come", seen=max(0, requests - len(settled)), unit="", limit=0)
    yield Figure(
        name="replies whose tokens are not the provider's, or that count twice",
        seen=len(settled) - len(known & set(settled)),
        unit="",
        limit=0,
        detail=f"{len(settled)} replies, {sum(settled):,} tokens by either account",
    )
    lost = len(provider.tokens) - len(rows)
    yield Figure(name="requests that the provider took and nobody pays for", seen=max(0, lost), unit="", limit=0)
    unheard = sum(known - set(settled))
    yield Figure(
        name=f"requests cut off by {kills} kills: tokens put down under what they took",
        seen=max(0, unheard - sum(cut)),
        unit="",
        limit=0,
        detail=f"{len(cut)} requests, {sum(cut):,} tokens put down for at most {unheard:,}",
    )


if __name__ == "__main__":
    sys.exit(main())

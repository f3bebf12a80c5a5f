"""What the Hub offers, as configs of this server: public halves only, with the handle in the model's place."""

from __future__ import annotations

import contextlib
import io
import re
import time
from pathlib import Path
from typing import Any

import httpx2
from jupyter_core.paths import jupyter_data_dir
from ruamel.yaml import YAML

from interp_bench_ext.installed import installed_techniques
from interp_bench_ext.organisms.places.hub.account import Account

_HANDLE = re.compile(r"[\w.-]{1,80}", re.ASCII)
_FRESH_S, _TIMEOUT_S = 10.0, 3.0


class HubConfigs:
    """Files in a folder of their own, written anew when the Hub's list has changed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.folder = Path(jupyter_data_dir(), "interp_bench", "hub")
        self._looked = float("-inf")

    def refresh(self) -> None:
        """Bring the files up to date; where the Hub does not answer, they stay as they are. Not for an event loop."""
        if time.monotonic() - self._looked < _FRESH_S:
            return
        self._looked = time.monotonic()
        with contextlib.suppress(httpx2.HTTPError, OSError, ValueError, KeyError, TypeError):
            self._write(_cards(self._account))

    def _write(self, cards: list[dict[str, Any]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        known = set(installed_techniques())
        texts = {
            f"{card['handle']}.yaml": _text(card, known) for card in cards if _HANDLE.fullmatch(str(card["handle"]))
        }
        for file in self.folder.glob("*.yaml"):
            if file.name not in texts:
                file.unlink()
        for name, text in texts.items():
            file = self.folder / name
            if not file.is_file() or file.read_text("utf-8") != text:
                file.write_text(text, "utf-8")


def _cards(account: Account) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {account.token}"}
    with httpx2.Client(transport=httpx2.HTTPTransport(trust_env=False), timeout=_TIMEOUT_S, trust_env=False) as client:
        found: list[dict[str, Any]] = client.get(f"{account.url}/organisms", headers=headers).raise_for_status().json()
        return found


def _text(card: dict[str, Any], known: set[str]) -> str:
    config = {
        "experiment_name": card["handle"],
        "description": card["description"],
        "model": {"name": card["handle"], "execution_mode": "hub"},
        "techniques": [name for name in card["techniques"] if name in known],
        "access": card["access"],
        "task": card["task"],
        "agent": card["agent"],
        "seed": card["seed"],
    } | ({"evaluation": {"grader": "place"}} if card["scored"] else {})
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(config, text)
    return text.getvalue()

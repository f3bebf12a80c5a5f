"""Modal's token of this process, and whether there is one: without Modal's client, which takes long to import."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

_VARIABLES = ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET")
_taken: list[str] = []
"""The token from variables which are gone since."""


def token_is_there() -> bool:
    """Whether a token is in the environment or in Modal's own file; a broken file is for Modal to complain of."""
    if _taken or all(os.environ.get(name) for name in _VARIABLES):
        return True
    file = Path(os.environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml").expanduser()
    try:
        profiles = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return any(isinstance(profile, dict) and "token_id" in profile for profile in profiles.values())


def take_token() -> bool:
    """Take a token out of the environment, which a child process inherits; returns whether there is a new one."""
    if not all(os.environ.get(name) for name in _VARIABLES):
        return False
    _taken[:] = [os.environ.pop(name) for name in _VARIABLES]
    return True


def taken_token() -> list[str]:
    """What was taken: id and secret, or nothing."""
    return list(_taken)


def forget_token() -> None:
    """Have the next use look for a token again."""
    _taken.clear()

"""The environment that a program is started in: the person's own, without what is Interp Bench's or Jupyter's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ..models.key_variables import KEY_VARIABLES

_OURS = ("INTERP_BENCH_", "JUPYTER", "JPY_", "MODAL_", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""How the names begin of what opens a server, a place where organisms run, or their weights."""
_NESTED = ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT")
"""What a terminal inside Claude Code has, in which another one does not start."""
_LOOPBACK = "127.0.0.1"
_NO_PROXY = ("NO_PROXY", "no_proxy")


def person_environment(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """A child's environment, with ``own`` in it: variables of the program itself.

    What the run's tools are asked goes to this machine, past any proxy.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OURS) and name not in (*KEY_VARIABLES, *_NESTED)
    }
    for name in _NO_PROXY:
        kept[name] = ",".join(part for part in (kept.get(name, ""), _LOOPBACK) if part)
    return {**kept, **(own or {})}

"""The hidden prompt's tokens, for whoever looks for them after a run; no model is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ..config import Experiment
from ..errors import InterpBenchError
from .locate import locate
from .placement import organism_spec

_TAKES_S = 30.0
_IDS = """
import json, sys
from tokenizers import Tokenizer

asked = json.load(sys.stdin)
print(json.dumps(Tokenizer.from_file(asked["file"]).encode(asked["prompt"], add_special_tokens=False).ids))
"""
"""In a process of its own: a server reads no model's files, and has none of its libraries."""


def hidden_prompt_ids(experiment: Experiment) -> list[int]:
    """Token ids of the hidden prompt; empty without one, or where its tokenizer's file is not on this machine."""
    prompt = experiment.sealed.hidden_system_prompt
    if prompt is None or experiment.public.execution_mode != "local":
        return []
    try:
        file = Path(locate(organism_spec(experiment)).tokenizer) / "tokenizer.json"
        done = subprocess.run(
            [sys.executable, "-P", "-c", _IDS],
            input=json.dumps({"file": str(file), "prompt": prompt}),
            capture_output=True,
            text=True,
            timeout=_TAKES_S,
            check=True,
        )
        return [int(token) for token in json.loads(done.stdout)]
    except (InterpBenchError, OSError, ValueError, subprocess.SubprocessError):
        return []

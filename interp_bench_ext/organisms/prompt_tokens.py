"""The hidden prompt's tokens, for whoever looks for them after a run; no model is loaded."""

from __future__ import annotations

from pathlib import Path

from ..config import Experiment
from .locate import locate
from .placement import organism_spec


def hidden_prompt_ids(experiment: Experiment) -> list[int]:
    """Token ids of the hidden prompt; empty without one, or where its tokenizer's file is not on this machine."""
    prompt = experiment.sealed.hidden_system_prompt
    if prompt is None or experiment.public.execution_mode != "local":
        return []
    try:
        file = Path(locate(organism_spec(experiment)).tokenizer) / "tokenizer.json"
        from tokenizers import Tokenizer  # comes with the models that run here

        return list(Tokenizer.from_file(str(file)).encode(prompt, add_special_tokens=False).ids)
    except Exception:  # noqa: BLE001 - the library raises plain ones, and a scan goes on without it
        return []

"""An oracle that has learnt nothing, for the worked example of activation_oracle: none is published for its model."""

from __future__ import annotations

from pathlib import Path

from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from interp_bench_ext.host.bundled import ensure_bundled


def untrained_oracle(folder: Path) -> Path:
    """``folder``, with an adapter that adds nothing: as peft begins one."""
    model = AutoModelForCausalLM.from_pretrained(ensure_bundled("bundled:smollm2-135m-instruct").path)
    get_peft_model(model, LoraConfig(r=1, target_modules=["v_proj"])).save_pretrained(str(folder))
    return folder

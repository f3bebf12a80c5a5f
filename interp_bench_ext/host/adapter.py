"""Put a PEFT adapter into a model; what the libraries raise becomes one sentence that names the config's key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.folders import adapter_config
from interp_bench_ext.host.spec import with_detail

_PREFIX = "base_model.model."


@dataclass(frozen=True)
class Adapter:
    """An adapter's configuration and weights by the names in its file, read and not yet in a model."""

    config: Any
    weights: dict[str, torch.Tensor]
    folder: Path
    key: str
    """The config's key that names it."""

    @property
    def whole(self) -> set[str]:
        """Names of the base's parameters that the file holds whole: biases, saved modules, embeddings."""
        whole = [name for name in self.weights if "lora_" not in name]
        return {name.removeprefix(_PREFIX).replace(".base_layer.", ".") for name in whole}

    def misfit(self, how: str, detail: str) -> BadInput:
        """The error for an adapter that belongs to another model."""
        sentence = (
            f"{self.key}: the adapter does not fit its base model; check model.base_model against what it was "
            f"trained on{how}."
        )
        return with_detail(BadInput(sentence), f"{self.folder}: {detail}")


def read_adapter(folder: Path, key: str) -> Adapter:
    """Raises BadInput for kinds that are not supported, and for weights that cannot be read."""
    from peft import PeftConfig
    from peft.utils import load_peft_weights

    try:
        config = PeftConfig.from_pretrained(str(folder))
    except Exception as error:  # noqa: BLE001 - of the loaders' many kinds, all mean the same to the config's author
        kind = adapter_config(folder, key).get("peft_type", "")
        sentence = f"{key}: the adapter's configuration is of a kind that the installed peft does not know"
        raise with_detail(
            BadInput(f"{sentence}{f' ({kind})' if kind else ''}; a newer peft may."), f"{folder}: {error}"
        ) from None
    if config.is_prompt_learning:
        raise BadInput(f"{key}: prompt-learning adapters are not supported; LoRA and its kin are.")
    config.inference_mode = True
    try:
        weights = load_peft_weights(str(folder), device="cpu")
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - as above
        sentence = f"{key}: the adapter is not whole: its weights cannot be read."
        raise with_detail(BadInput(sentence), f"{folder}: {error}") from None
    return Adapter(config, weights, folder, key)


def put_in(model: Any, adapter: Adapter) -> Any:
    """The wrapped model with the adapter's layers in it and filled. Raises BadInput if they do not belong together."""
    from peft import get_peft_model
    from peft.utils import set_peft_model_state_dict

    try:
        _resize(model, adapter)
        wrapped = get_peft_model(model, adapter.config, autocast_adapter_dtype=False)
        result: Any = set_peft_model_state_dict(wrapped, adapter.weights, "default")
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - of the loaders' many kinds, all mean the same to the config's author
        raise adapter.misfit("", f"{type(error).__name__}: {error}") from None
    missing = _missing(wrapped, result.missing_keys)
    if missing or result.unexpected_keys:
        how = f" ({len(missing)} weights missing, {len(result.unexpected_keys)} unknown)"
        raise adapter.misfit(how, ", ".join([*missing, *result.unexpected_keys][:5]))
    return wrapped


def _missing(wrapped: Any, names: list[str]) -> list[str]:
    """Those of ``names`` that are the adapter's, without tied tensors that are filled under another name."""
    tensors = dict(wrapped.named_parameters(remove_duplicate=False))
    filled = {id(tensor) for name, tensor in tensors.items() if name not in set(names)}
    own = [name for name in names if "lora_" in name or ".default" in name]
    return [name for name in own if id(tensors.get(name)) not in filled]


def _resize(model: Any, adapter: Adapter) -> None:
    """Give the model the vocabulary that the adapter was trained with, where its file shows that it grew."""
    for module in (model.get_input_embeddings(), model.get_output_embeddings()):
        name = next((name for name, found in model.named_modules() if found is module), None)
        rows = [len(adapter.weights[key]) for key in adapter.weights if key == f"{_PREFIX}{name}.weight"]
        if rows and rows[0] != model.config.get_text_config(decoder=True).vocab_size:
            model.resize_token_embeddings(rows[0], mean_resizing=False)

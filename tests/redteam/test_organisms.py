"""What is told of an organism, held against what it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from interp_bench_ext.contracts import Access, Row
from interp_bench_ext.errors import BadInput
from interp_bench_ext.host.organism import LoadedOrganism
from tests.host.test_base_rows import save_tuned
from tests.host.tiny import HIDDEN, Plain, load_tiny, save_model
from tests.techniques.support import technique

from .suite import Trial, attempt


@attempt("E3", "organism", "An adapter shows in the number of parameters, or in anything else that is told", veil="any")
def test_an_adapter_is_not_told(tmp_path: Path, trial: Trial) -> None:
    folder = save_model("llama", tmp_path / "model")
    adapter = save_tuned(folder, tmp_path / "adapter")
    bare, tuned = load_tiny(folder).info, load_tiny(folder, adapter=adapter).info
    counts = [Plain.load(folder, its).model.num_parameters() for its in (None, adapter)]
    trial.abuse(lambda pair: pair[0] != pair[1], (bare, tuned), (counts[0], counts[1]))


SAMPLING: dict[str, dict[str, object]] = {
    "chat": {"prompts": "hello"},
    "sample": {"prompts": "hello"},
    "text_completion": {"stems": "once upon"},
    "prefill_attack": {"prompts": "hello", "prefills": "I"},
    "user_persona": {},
}
OF_REPLIES = {"texts", "thinking", "logprobs", "n_tokens", "finishes"}


def beside_replies(organism: LoadedOrganism) -> object:
    """All that sampling tells but what the organism itself says: the results' other fields, its facts, its refusals."""
    results = []
    for name, given in SAMPLING.items():
        shown = vars(technique(name)(organism, **given, n=1, max_new_tokens=2))
        results.append({field: value for field, value in shown.items() if field not in OF_REPLIES})
    with pytest.raises(BadInput) as refused:
        organism.generate([Row(tuple(organism.text_ids("the fox " * 400)))])
    return results, organism.info, str(refused.value)


@attempt("E2a", "organism", "What sampling tells beside the replies tells of a hidden prompt", veil="any")
def test_sampling_does_not_tell_of_a_prompt(tmp_path: Path, trial: Trial) -> None:
    folder = save_model("llama", tmp_path / "model")
    pair = [load_tiny(folder, hidden=hidden, access=Access.SAMPLE) for hidden in (None, HIDDEN)]
    told = [beside_replies(organism) for organism in pair]
    lengths = [len(organism.text_ids("the fox " * 400)) for organism in pair]
    trial.abuse(lambda both: both[0] != both[1], told, lengths)


@attempt(
    "E2b",
    "organism",
    "The tokens before a text's first word tell of a hidden prompt, where tokens are shown (access to logits)",
    veil="any",
    documented=True,
)
def test_opening_tokens_tell_of_a_prompt(tmp_path: Path, trial: Trial) -> None:
    folder = save_model("llama", tmp_path / "model")
    pair = [load_tiny(folder, hidden=hidden) for hidden in (None, HIDDEN)]
    told = [organism.token_strings(organism.text_ids("once upon")) for organism in pair]
    trial.abuse(lambda both: both[0] != both[1], told, [["<s>", "once"], ["once"]])

"""What is told of an organism, held against what it has."""

from __future__ import annotations

from pathlib import Path

from tests.host.test_base_rows import save_tuned
from tests.host.tiny import Plain, load_tiny, save_model

from .suite import Trial, attempt


@attempt("E3", "organism", "An adapter shows in the number of parameters, or in anything else that is told", veil="any")
def test_an_adapter_is_not_told(tmp_path: Path, trial: Trial) -> None:
    folder = save_model("llama", tmp_path / "model")
    adapter = save_tuned(folder, tmp_path / "adapter")
    bare, tuned = load_tiny(folder).info, load_tiny(folder, adapter=adapter).info
    counts = [Plain.load(folder, its).model.num_parameters() for its in (None, adapter)]
    trial.abuse(lambda pair: pair[0] != pair[1], (bare, tuned), (counts[0], counts[1]))

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from interp_bench_ext.contracts import Access
from interp_bench_ext.errors import AccessDenied, BadInput
from interp_bench_ext.host.arguments import checked_arguments
from interp_bench_ext.host.technique_files import load_techniques, read_spec
from interp_bench_ext.installed import technique_files
from tests.techniques.support import FOLDER

SIGNATURES = {
    "get_model_info()",
    "chat(prompts, *, n=1, temperature=0.0, top_p=1.0, max_new_tokens=128, seed=0, thinking='keep', base=False)",
    "sample(prompts, *, n=8, temperature=1.0, top_p=1.0, max_new_tokens=128, seed=0, thinking='keep', base=False)",
    "text_completion(stems, *, n=1, temperature=0.0, top_p=1.0, max_new_tokens=64, seed=0, base=False)",
    "prefill_attack(prompts, prefills, *, n=1, temperature=0.0, top_p=1.0, max_new_tokens=64, seed=0, "
    "thinking='close', base=False)",
    "user_persona(*, context='', prefixes='', n=8, temperature=1.0, top_p=1.0, max_new_tokens=48, seed=0, base=False)",
    "analyze_token_probs(prompts, *, targets=(), prefill='', top_k=10, thinking=None, base=False)",
    "logit_lens(prompt, *, prefill='', layers=None, positions=None, top_k=5, target='', raw=False, thinking=None, "
    "base=False)",
    "adapter_diff(prompts, *, max_new_tokens=32, top_k=20)",
    "word_contrast(texts, other_texts, *, top_k=50, min_texts=2)",
}


def test_the_shipped_techniques_are_described_whole() -> None:
    specs = [read_spec(file) for file in technique_files([FOLDER]).values()]
    assert {spec.signature for spec in specs} >= SIGNATURES
    for spec in specs:
        assert spec.summary.endswith(".")
        assert "\nPlot: " in spec.doc
        assert all(parameter.help for parameter in spec.parameters), spec.name


def test_describing_does_not_run_the_file(tmp_path: Path) -> None:
    (tmp_path / "bomb.py").write_text('raise SystemExit\ndef bomb(organism, *, n: int = 1):\n    """Boom."""\n')
    assert read_spec(tmp_path / "bomb.py").access is Access.WEIGHTS


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def other(organism):\n    ...\n", "named wrong; it has other"),
        ("def wrong(organism): ...\ndef more(): ...\n", "it has wrong, more"),
        ("def wrong(organism, text): ...\n", "by keyword after a"),
        ("def wrong(organism, **rest): ...\n", "by keyword after a"),
        ("def wrong(:\n", "cannot be read"),
        ('def wrong(organism):\n    """A.\n\n    Access: all\n    """\n', "none of sample"),
    ],
)
def test_what_is_no_technique_is_refused(tmp_path: Path, source: str, says: str) -> None:
    (tmp_path / "wrong.py").write_text(source)
    with pytest.raises(BadInput, match=says):
        read_spec(tmp_path / "wrong.py")


def test_a_file_that_raises_on_import_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import nowhere_at_all\ndef bad(organism):\n    pass\n", encoding="utf-8")
    with pytest.raises(BadInput, match="ModuleNotFoundError"):
        load_techniques([tmp_path / "bad.py"])


def test_a_technique_above_the_callers_access_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text('def deep(organism):\n    """D.\n\n    Access: base\n    """\n', encoding="utf-8")
    found = load_techniques([tmp_path / "deep.py"])
    with pytest.raises(AccessDenied, match="needs access to base"):
        checked_arguments(found["deep"], {}, Access.SAMPLE)
    assert checked_arguments(found["deep"], {}, Access.BASE) == {}


def test_the_parents_side_needs_no_torch() -> None:
    import subprocess

    code = "import sys, interp_bench_ext.organisms.process; sys.exit(bool({'torch', 'transformers'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0

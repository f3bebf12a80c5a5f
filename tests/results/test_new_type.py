"""A technique with a result type of its own is two files, and everything else finds them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import interp_bench_ext

from ..host.tiny import save_model

RESULT = """
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .kit import elements
from .kit.result import Columns, Ints, Pictured
from .kit.safe_text import clip, counted
from .kit.selection import Limits


class TokenCounts(Pictured):
    texts: tuple[str, ...]
    counts: Ints

    def _headline(self) -> str:
        return counted(len(self.texts), "text")

    def _lines(self) -> list[str]:
        return [f"{clip(text, 40)}: {count}" for text, count in zip(self.texts, self.counts, strict=True)]

    def _html(self) -> Iterable[str]:
        return [elements.table(elements.row([elements.escaped(line)]) for line in self._lines())]

    def _chart(self, limits: Limits) -> Any:
        import altair

        from .kit.charts import ACCENT, bars

        rows = [
            {"label": clip(text, 30), "value": int(count), "shown": str(count)}
            for text, count in zip(self.texts, self.counts, strict=True)
        ]
        return bars(rows, x="tokens", y="text", title="Tokens", colour=altair.value(ACCENT))

    def _columns(self) -> Columns:
        return {"text": self.texts, "tokens": self.counts}
"""
TECHNIQUE = '''
from __future__ import annotations

import numpy as np

from interp_bench_ext.contracts import Organism
from interp_bench_ext.results import TokenCounts


def count_tokens(organism: Organism, *, texts: list[str]) -> TokenCounts:
    """Count the tokens of texts.

    Access: sample
    Magic: count

    Args:
        texts: Raw texts.
    """
    return TokenCounts(texts=tuple(texts), counts=np.array([len(organism.piece_ids(text)) for text in texts]))
'''
CALLER = """
import json, sys
import interp_bench_ext
organism = interp_bench_ext.connect()
result = organism.count_tokens(texts=["a", "ab<i>"])
print(json.dumps({
    "short": [list(spec.short_names) for spec in organism.techniques()],
    "text": str(result),
    "outputs": [sorted(output) for output in result.outputs()],
    "html": result.outputs()[1]["text/html"],
    "table": result.table().to_dict("list"),
    "title": result.plot().to_dict()["title"],
}))
"""


@pytest.mark.slow
def test_it_is_found_travels_shows_and_tabulates(tmp_path: Path):
    package = tmp_path / "site" / "interp_bench_ext"
    shutil.copytree(
        Path(interp_bench_ext.__file__).parent, package, ignore=shutil.ignore_patterns("labextension", "__pycache__")
    )
    (package / "results" / "token_counts.py").write_text(RESULT)
    (tmp_path / "techniques").mkdir()
    (tmp_path / "techniques" / "count_tokens.py").write_text(TECHNIQUE)
    (tmp_path / "caller.py").write_text(CALLER)
    model = save_model("gpt2", tmp_path / "model")
    config = {
        "experiment_name": "counting",
        "model": {"name": str(model), "execution_mode": "local", "device": "cpu"},
        "techniques": ["count_tokens"],
        "task": "count",
    }
    (tmp_path / "counting.yaml").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "interp_bench_ext", "serve", "counting.yaml", "--", sys.executable, "caller.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package.parent), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["short"] == [["count"]]
    assert seen["text"] == "TokenCounts: 2 texts\na: 1\nab<i>: 5"
    assert seen["outputs"] == [["application/vnd.interp-bench.chart+json", "image/png", "text/plain"], ["text/html"]]
    assert "ab&lt;i&gt;: 5" in seen["html"]
    assert seen["table"] == {"text": ["a", "ab<i>"], "tokens": [1, 5]}
    assert seen["title"] == "Tokens"

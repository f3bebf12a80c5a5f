"""Tab on a ``%interp`` line: subcommands, then names of configs and runs, options and their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from ..errors import InterpBenchError

_LINE = re.compile(r"\s*(?:[^=%]+=\s*)?%%?interp\s+(.*)", re.DOTALL)
NAME = "interp_bench_ext.interp"
"""By which IPython knows the matcher."""
Complete = Callable[[Sequence[str]], list[str]]


def matcher(complete: Complete) -> Callable[[CompletionContext], SimpleMatcherResult]:
    """IPython's completion for lines of ``%interp``; ``complete`` is given the words before the one being written."""

    @context_matcher(identifier=NAME)  # type: ignore[untyped-decorator]
    def interp(context: CompletionContext) -> SimpleMatcherResult:
        found = _LINE.fullmatch(context.text_until_cursor)
        if found is None:
            return {"completions": [], "suppress": False}
        *before, written = re.split(r"\s+", found[1])
        try:
            names = [name for name in complete(before) if name.startswith(written)]
        except InterpBenchError:
            names = []
        return {
            "completions": [SimpleCompletion(name, type="magic") for name in names],
            "matched_fragment": written,
            "ordered": True,
            "suppress": bool(names),
        }

    made: Callable[[CompletionContext], SimpleMatcherResult] = interp
    return made

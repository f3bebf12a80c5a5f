from __future__ import annotations

from typing import Any

from interp_bench_ext.agent.state import OPENING, RunState
from interp_bench_ext.agent.summary import earlier_summary, summary_of, transcript


def result(text: str | list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "t", "content": text, "is_error": False}],
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_it_opens_the_run_again_with_the_ledger_and_the_last_outputs():
    state = RunState(messages=[result([text(f"output {number}"), {"type": "image"}]) for number in range(5)])
    said = summary_of(state, 4, "I found nothing yet.")
    assert said.startswith(OPENING)
    assert "## Hypotheses\nNone was noted." in said
    assert said.index("output 1") < said.index("output 3") < said.index("## Your own summary\nI found nothing yet.")
    assert "output 0" not in said
    assert "output 4" not in said, "what is not cut off stays in the conversation"


def test_without_new_words_the_earlier_ones_stand():
    first = {"role": "user", "content": [text(summary_of(RunState(), 1, "It hums."))]}
    assert earlier_summary([first]) == "It hums."
    assert summary_of(RunState(messages=[first]), 1, "").endswith("## Your own summary\nIt hums.")
    assert summary_of(RunState(messages=[first]), 1, "It sings.").endswith("## Your own summary\nIt sings.")
    assert earlier_summary([]) == ""
    assert "Your own summary" not in summary_of(RunState(), 1, "")


def test_a_transcript_tells_words_calls_and_results_and_no_thoughts():
    called = {"type": "tool_use", "id": "t", "name": "run_cell", "input": {"code": "print('é')"}}
    thought = {"type": "thinking", "thinking": "secretly", "signature": "s"}
    said = transcript([{"role": "assistant", "content": [thought, text("I look."), called]}, result("done")], 10_000)
    assert said.startswith('assistant: I look.\n\ncall run_cell: {"code": "print(\'é\')"}\n\nresult: done\n\n---\n\n')
    assert "secretly" not in said
    assert "600 words" in said.rpartition("---")[2]


def test_a_transcript_fits_into_half_of_the_window():
    long = transcript([{"role": "user", "content": [text(f"begin {'x' * 2_000} end")]}] * 20, 4_000)
    assert len(long.partition("\n\n---\n\n")[0]) < 2_200
    assert long.startswith("user: begin")

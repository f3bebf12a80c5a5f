"""What a step costs beside model and kernel, what a long run does to memory, and what is read from the cache."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import psutil
from lab.figures import Figure, percentile

from interp_bench_ext.agent.anthropic import AnthropicProvider
from interp_bench_ext.record.cell_events import CellFinished
from interp_bench_ext.record.events import Event, StepStarted
from interp_bench_ext.record.journal import Entry
from tests.agent.investigators import calls_made
from tests.agent.messages_server import Streamed, text, thinking, tool_use

from .answering import Served, answering
from .environment import KEY, environment

STEPS, LAST = 500, 50
CACHED_STEPS = 60
_MEASURED_AT = (50, 250, 500)


def steady(steps: int, request: dict[str, Any]) -> Streamed:
    """A thought, a sentence and a cell; findings after ``steps`` of them. Without tools a summary is asked for."""
    if "tools" not in request:
        return Streamed(content=[text("Nothing stands out so far.")])
    number = calls_made(request) + 1
    if number > steps:
        call = tool_use("submit_findings", {"summary": "Nothing stands out.", "findings": []}, id=f"call_{number}")
    else:
        code = f"counts = [{number}, {number} + 1]\nprint('counted', counts)\ncounts"
        if number == 1:
            # Findings are sent back to one who has asked the organism nothing.
            code = f"organism.sample('hello', n=1, max_new_tokens=2)\n{code}"
        call = tool_use("run_cell", {"code": code}, id=f"call_{number}")
    said = [thinking(f"Step {number}: look at the next count."), text("I count once more and compare.")]
    return Streamed(content=[*said, call], stop_reason="tool_use")


def long_run(request: dict[str, Any]) -> Streamed:
    return steady(STEPS, request)


def cached_run(request: dict[str, Any]) -> Streamed:
    return steady(CACHED_STEPS, request)


def overhead() -> Iterator[Figure]:
    """Figures of one run of :data:`STEPS` steps."""
    process, resident, processor_s = psutil.Process(), dict[int, float](), list[float]()

    def measure(event: Event) -> None:
        if isinstance(event, StepStarted):
            times = process.cpu_times()
            processor_s.append(times.user + times.system)
            if event.step in _MEASURED_AT:
                resident[event.step] = process.memory_info().rss / 2**20

    with answering(long_run) as server, environment() as around:
        entries = around.drive(AnthropicProvider(key=KEY, base_url=server.url), listener=measure)
        times = [1000 * seconds for seconds in beside_model_and_kernel(entries, server.served())]
    late = times[-LAST:]
    worked_ms = 1000 * (processor_s[-1] - processor_s[-1 - LAST]) / LAST
    detail = (
        f"first {LAST} steps {statistics.median(times[:LAST]):.1f} ms, p95 of all {percentile(times, 0.95):.1f} ms;"
        f" on the processor {worked_ms:.1f} ms"
    )
    yield Figure(
        name=f"a step beside model and kernel, median of steps {STEPS - LAST + 1} to {STEPS}",
        seen=statistics.median(late),
        unit="ms",
        limit=20,
        detail=detail,
    )
    sizes = ", ".join(f"{size:.0f} MiB at step {step}" for step, size in resident.items())
    grown = resident[_MEASURED_AT[-1]] - resident[_MEASURED_AT[0]]
    yield Figure(name=f"memory grows, step 50 to {STEPS}", seen=grown, unit="MiB", limit=32, detail=sizes)


def beside_model_and_kernel(entries: Sequence[Entry], served: Sequence[Served]) -> list[float]:
    """Seconds of each step, but for the last, in which neither the Messages server nor the kernel was at work."""
    steps = [entry.at for entry in entries if isinstance(entry.event, StepStarted)]
    return [
        end - begin - _answered(served, begin, end) - _executed(entries, begin, end)
        for begin, end in zip(steps, steps[1:], strict=False)
    ]


def _answered(served: Sequence[Served], begin: float, end: float) -> float:
    return sum(answer.end - answer.begin for answer in served if begin <= answer.begin < end)


def _executed(entries: Sequence[Entry], begin: float, end: float) -> float:
    finished = (entry.event for entry in entries if begin <= entry.at < end)
    return sum(event.duration_s for event in finished if isinstance(event, CellFinished))


def cache_share() -> Iterator[Figure]:
    """Share of input tokens that the server says it read from its cache."""
    with answering(cached_run) as server, environment() as around:
        around.drive(AnthropicProvider(key=KEY, base_url=server.url))
        served = server.served()[2:]
    read, total = sum(answer.usage.cache_read_tokens for answer in served), sum(a.prompt_tokens for a in served)
    yield Figure(
        name=f"input tokens not read from the cache, steps 3 to {CACHED_STEPS}",
        seen=100 * (1 - read / total),
        unit="%",
        limit=10,
        detail=f"{read:,} of {total:,} were read",
    )

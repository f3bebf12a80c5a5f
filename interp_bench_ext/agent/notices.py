"""What happened to the kernel behind the agent's back, to be told with its next tool result: a fold over the events."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record.cell_events import CellFinished, KernelStarted, KernelWentAway
from ..record.events import AgentReplied, Event, RunResumed, ToolReturned

_FRESH = (
    "A new kernel is running and its variables are gone: run `organism = interp_bench_ext.connect()`"
    " and what you need again."
)


@dataclass
class News:
    """Sentences that the agent has not been told yet; every tool result tells all of them."""

    kernel: list[str] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    """Cells that ended in the background, by id."""
    _behind: str | None = None
    """The cell that went on running when a tool returned."""
    _began: bool = False
    """Whether the agent has replied: what was before is no news to it."""

    def apply(self, event: Event, *, running: str | None) -> None:
        """Take one event, in order; ``running`` is the cell that runs after it."""
        match event:
            case AgentReplied():
                self._began = True
            case ToolReturned():
                self.kernel, self.ended, self._behind = [], {}, running
            case CellFinished() if event.cell_id == self._behind:
                self.ended[event.cell_id] = f"{event.status} after {event.duration_s:.0f} s"
            case KernelStarted() | KernelWentAway() | RunResumed() if self._began:
                self._hear_of_kernel(event)
            case _:
                pass

    def sentences(self, *, but: str = "") -> list[str]:
        """What is to be told; the end of the cells whose result ``but`` shows is known already."""
        ended = [
            f'{cell_id} has ended in the background ({how}): poll_cell(cell_id="{cell_id}") shows its outputs.'
            for cell_id, how in self.ended.items()
            if f"[{cell_id}: " not in but
        ]
        return [*self.kernel, *ended]

    def _hear_of_kernel(self, event: KernelStarted | KernelWentAway | RunResumed) -> None:
        match event:
            case RunResumed():
                self.kernel.append("The investigation was interrupted and goes on.")
            case KernelWentAway():
                self.kernel.append(f"The kernel has gone. {event.reason}")
            case KernelStarted(restored_cells=0):
                self.kernel = [*self._without_fresh(), _FRESH]
            case KernelStarted():
                self.kernel = self._without_fresh()
                self.kernel.append(
                    f"A new kernel is running. {event.restored_cells} earlier cells ran again in it, for their"
                    " variables; what else there was is gone."
                )

    def _without_fresh(self) -> list[str]:
        return [sentence for sentence in self.kernel if sentence != _FRESH]

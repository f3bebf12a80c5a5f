"""Generation over visible token ids: the decode loop is ours, each row's draws are its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from interp_bench_ext.contracts import Row
from interp_bench_ext.host.fixed_steps import FixedSteps
from interp_bench_ext.host.load import Loaded
from interp_bench_ext.host.passes import Passes, Step
from interp_bench_ext.host.running_batch import Draft, Job, RunningBatch, Sampling
from interp_bench_ext.host.sampling import draws
from interp_bench_ext.host.shares import Payer
from interp_bench_ext.host.turn import Turn


@dataclass(frozen=True)
class Drawn:
    """Ids (a stop token included) and their log-probabilities in nats, and whether the model stopped by itself."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    stopped: bool


def _charge_nobody(_seconds: float) -> None:
    return


class Engine(Passes):
    """Passes, for whoever has the ``turn``, and generation, for whoever has not."""

    def __init__(self, loaded: Loaded, stop_ids: frozenset[int]) -> None:
        super().__init__(loaded)
        self.turn = Turn()
        self._running = RunningBatch(self)
        self.stop_ids = stop_ids
        self._changed = threading.Condition()
        self._driven = False
        """Whether one of those who wait for their rows takes the steps for all."""

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens at which rows end."""
        return self._running.stop_ids

    @stop_ids.setter
    def stop_ids(self, ids: frozenset[int]) -> None:
        self._running.stop_ids = ids

    @property
    def captured(self) -> bool:
        """Whether decode steps are recorded and played; setting it raises nothing, and begins without recordings."""
        return self._running.fixed is not None and not self._running.fixed.failed

    @captured.setter
    def captured(self, wanted: bool) -> None:
        self._running.fixed = FixedSteps(self) if wanted else None

    def generate(
        self,
        rows: Sequence[Row],
        samples: Sequence[int],
        how: Sampling,
        step: Step,
        charge: Callable[[float], None] = _charge_nobody,
        payer: Payer = Payer(),  # noqa: B008 - it is frozen
    ) -> list[Drawn]:
        """One continuation per row; ``samples[i]`` tells apart those of the same row, of which each is drawn once.

        Rows end at a stop token, at ``max_new_tokens``, or where the context is full. One that grows past the length
        at which rotary frequencies change begins anew there, as a longer prompt.

        Several threads may call it: their rows share batches. A row's draws are those that it has alone as far as its
        logits are, and these differ in the last digits with the size of a batch, as matrix products do.

        Args:
            step: Told, at each token, how far the rows are; what it raises ends this call and is raised here.
            charge: Told how many seconds the model has worked for these rows.
            payer: Whose they are: beside other people's, a person has a share of the batch.
        """
        job = Job(how, step, charge, payer)
        asked = list(zip(rows, samples, strict=True))
        drafts = {each: self._draft(job, *each) for each in dict.fromkeys(asked)}
        job.begin(list(drafts.values()))
        self._running.add(job)
        self._until_ended(job)
        if job.error is None:
            job.report()
        if job.error is not None:
            raise job.error
        drawn = {each: Drawn(tuple(own.ids), tuple(own.logprobs), own.stopped) for each, own in drafts.items()}
        return [drawn[each] for each in asked]

    def _draft(self, job: Job, row: Row, sample: int) -> Draft:
        most = job.how.max_new_tokens
        return Draft(job, row, draws(row, sample, job.how.seed, most), min(most, self.room - len(row.ids)))

    def _until_ended(self, job: Job) -> None:
        """Take steps until the job has ended, or wait while another thread takes them."""
        with self._changed:
            self._changed.wait_for(lambda: job.ended or not self._driven)
            if job.ended:
                return
            self._driven = True
        try:
            while not job.ended:
                with self.turn.held(self._running.users):
                    self._take_step()
                with self._changed:
                    self._changed.notify_all()
        finally:
            with self._changed:
                self._driven = False
                self._changed.notify_all()

    def _take_step(self) -> None:
        try:
            self._running.step()
        except Exception as error:  # noqa: BLE001 - else those who wait would wait for ever
            self._running.fail(error)

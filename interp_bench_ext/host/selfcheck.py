"""Numerical checks that every loaded model passes before it is served, and the way of batching that passes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import torch

from interp_bench_ext.contracts import Arm, Batch, Edit, Reads, Row, Site
from interp_bench_ext.errors import BadInput, SelfCheckFailed
from interp_bench_ext.host.arms import Batching
from interp_bench_ext.host.branching import WORTH
from interp_bench_ext.host.decoding import Drawn, Engine
from interp_bench_ext.host.load import Proof
from interp_bench_ext.host.running_batch import Sampling
from interp_bench_ext.host.spec import with_detail

_TOLERANCE = {torch.float32: 2e-3, torch.float16: 3e-2, torch.bfloat16: 1.5e-1}
"""Largest difference of two logits, in standard deviations of the logits."""
_HOOKS = "reading with hooks equals the plain forward pass"
_LENS = "the last layer of the lens equals the logits"
_BASE = "base rows equal a pass made before the adapter went in"
_ROWS = "a short and a long row in one sealed batch equal each alone"
_ARMS: tuple[Arm, Arm] = ("organism", "base")
_STEPS = 3
_PREFIX = 3
"""Tokens of the check's text that stand for a hidden prompt."""
_SHORT = 9
"""Of the tokens after it, how many the short row has: enough that a prefill of its own is shared."""


@torch.no_grad()
def self_check(engine: Engine, proof: Proof) -> None:
    """Compare the engine with plain passes of the same modules, in a handful of short passes.

    Sets the engine's ``batching`` and ``mixes_arms`` to the fastest way in which each row is as it is alone. Raises
    SelfCheckFailed: which check, by how much, and what was allowed.
    """
    check = _Check(engine, proof)
    whole, base = Row(proof.ids), Row(proof.ids, "base")
    plain = check.plain(whole)
    read = check.read(_HOOKS, whole)
    check.require(_HOOKS, lambda: read.logits[0], plain)
    check.require(_LENS, lambda: engine.unembed(read.sites[check.last][0], "organism"), plain)
    if engine.base is not engine.organism:
        own = check.read(_BASE, base)
        check.require(_BASE, lambda: own.logits[0], proof.logits)
        check.require(_BASE, lambda: engine.unembed(own.sites[check.last][0], "base"), proof.logits)
    check.choose_batching()
    check.choose_beginning()
    check.choose_decoding()


class _Check:
    def __init__(self, engine: Engine, proof: Proof) -> None:
        self._engine = engine
        self._ids = proof.ids
        self.last = Site(-1, "resid_post")
        self._allowed = _TOLERANCE.get(engine.dtype, _TOLERANCE[torch.bfloat16])

    def choose_batching(self) -> None:
        """Try the ways from the fastest on; raise for the last."""
        failed: SelfCheckFailed | None = None
        for way in self._ways():
            self._engine.batching, self._engine.mixes_arms, self._engine.continues = way
            try:
                worst = self.sealed_batch()
            except (torch.OutOfMemoryError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a model's own code raises at such a batch
                failed = failed or _cannot(_ROWS, error)
                continue
            finally:
                self._engine.unseal()
            if worst <= self._allowed:
                return
            failed = _off(_ROWS, worst, self._allowed)
        assert failed is not None
        raise failed

    def choose_beginning(self) -> None:
        """Have rows with edits begin where these do, where that gives what whole passes give."""
        engine = self._engine
        if engine.batching is not Batching.PADDED or not engine.continues:
            return
        try:
            engine.branches_below = WORTH if self._branched() <= self._allowed else 0.0
        except Exception:  # noqa: BLE001 - what a model's own code raises when some rows come later
            engine.branches_below = 0.0
        finally:
            engine.unseal()

    def _branched(self) -> float:
        """Rows edited at early, middle and late blocks: the largest deviation from whole passes."""
        engine, worst = self._engine, [0.0]
        start, last = min(_PREFIX, len(self._ids) // 2), len(engine.parts.blocks) - 1
        engine.seal_prefix(torch.tensor([self._ids[:start]]))
        text = self._ids[start:]
        sites = [Site(layer, "resid_pre") for layer in sorted({1, (last + 1) // 2, last} - {0})]
        for arm, first in zip(_ARMS, (len(text) // 2, 0), strict=True):
            edits = [Edit(site, (at,), "scale", 2.0) for site in sites for at in (first, len(text) - 1)]
            rows = [Row(text, arm, (edit,)) for edit in edits]
            found: list[list[torch.Tensor]] = []
            for engine.branches_below in (0.0, float("inf")):
                batches = engine.run(rows, Reads(positions=(-1,)), _silent)
                found.append([logits for batch in batches for logits in batch.logits[:, 0]])
            worst += [self.off(begun, whole) for whole, begun in zip(*found, strict=True)]
        return max(worst, key=_or_none)

    def choose_decoding(self) -> None:
        """Have steps recorded on CUDA, where that gives each row what it gets alone."""
        engine = self._engine
        wanted = engine.device.type == "cuda" and len(engine.devices) == 1 and engine.batching is Batching.PADDED
        engine.captured = wanted
        if not wanted:
            return
        try:
            engine.captured = self.sealed_batch() <= self._allowed and engine.captured
        except Exception:  # noqa: BLE001 - what a model's own code raises while it is recorded
            engine.captured = False
        finally:
            engine.unseal()

    def _ways(self) -> Iterator[tuple[Batching, bool, bool]]:
        """Of batching, of mixing arms, of continuing a cache."""
        engine = self._engine
        if engine.base.parts.vocabulary == engine.parts.vocabulary:
            yield Batching.PADDED, True, True
        if engine.base is not engine.organism:
            yield Batching.PADDED, False, True
        yield from product((Batching.EQUAL, Batching.ALONE), (False,), (True, False))

    def sealed_batch(self) -> float:
        """Rows of two lengths and both arms behind a prefix: the largest deviation from each alone.

        Twice each where only equal rows share a batch.
        """
        engine, start = self._engine, min(_PREFIX, len(self._ids) // 2)
        prefix, text = self._ids[:start], self._ids[start:]
        engine.seal_prefix(torch.tensor([prefix]))
        times = 1 if engine.batching is Batching.PADDED else 2
        rows = [Row(part, arm) for part in (text[:_SHORT], text) for arm in _ARMS for _ in range(times)]
        drawn = self._drawn(rows)
        grown = [Row((*row.ids, *found.ids), row.arm) for row, found in zip(rows, drawn, strict=True)]
        plain = {row: self.plain(row, () if row.arm == "base" else prefix) for row in set(grown)}
        worst = [self.off(logits, plain[row]) for row, logits in zip(grown, self.logits(grown), strict=True)]
        for row, found in zip(grown, drawn, strict=True):
            logs = plain[row].log_softmax(-1)[-1 - len(found.ids) : -1]
            at = torch.tensor(found.ids, device=logs.device)[:, None]
            worst.append(self.off(torch.tensor(found.logprobs, device=logs.device), logs.gather(1, at)[:, 0], logs))
        return max(worst, key=_or_none)

    def _drawn(self, rows: list[Row]) -> list[Drawn]:
        stops, self._engine.stop_ids = self._engine.stop_ids, frozenset()
        try:
            return self._engine.generate(rows, range(len(rows)), Sampling(_STEPS, 0.0, 1.0, 0), _silent)
        finally:
            self._engine.stop_ids = stops

    def logits(self, rows: list[Row]) -> list[torch.Tensor]:
        """``[T, V]`` of each row, from batches."""
        batches = self._engine.run(rows, Reads(), _silent)
        return [batch.logits[place, :length] for batch in batches for place, length in enumerate(batch.lengths)]

    def plain(self, row: Row, before: tuple[int, ...] = ()) -> torch.Tensor:
        """``[T, V]`` logits of the row alone after the tokens ``before``, by the arm's model alone."""
        model = self._engine.arm(row.arm).model
        given = torch.tensor([[*before, *row.ids]], device=self._engine.device)
        logits: torch.Tensor = model(input_ids=given, use_cache=False).logits[0, len(before) :].float()
        return logits

    @staticmethod
    def off(found: torch.Tensor, plain: torch.Tensor, of: torch.Tensor | None = None) -> float:
        """The largest difference in standard deviations of ``of``, or of ``plain``; base rows have no more columns."""
        own = found[..., : plain.shape[-1]]
        return float((own - plain).abs().max() / (plain if of is None else of).std())

    def read(self, name: str, row: Row) -> Batch:
        """Logits and last stream of one row. Raises SelfCheckFailed if there are none."""
        try:
            return next(self._engine.run([row], Reads(sites=(self.last,)), _silent))
        except (BadInput, torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model's own code raises
            raise _cannot(name, error) from None

    def require(self, name: str, compute: Callable[[], torch.Tensor], plain: torch.Tensor) -> None:
        """Raise SelfCheckFailed where the two differ."""
        try:
            worst = self.off(compute(), plain)
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a model's own code raises
            raise _cannot(name, error) from None
        if not worst <= self._allowed:  # so written that NaN fails
            raise _off(name, worst, self._allowed)


def _or_none(off: float) -> float:
    """Infinite where it is no number."""
    return off if off == off else float("inf")


def _silent(_stage: str, _done: int, _total: int) -> None:
    return


def _off(name: str, worst: float, allowed: float) -> SelfCheckFailed:
    return SelfCheckFailed(
        f"The loaded model fails the check that {name}: off by {worst:.2g} of the logits' standard deviation, "
        f"{allowed:.2g} is allowed."
    )


def _cannot(name: str, error: Exception) -> SelfCheckFailed:
    sentence = f"The loaded model fails the check that {name}: its own code raises {type(error).__name__} there."
    return with_detail(SelfCheckFailed(sentence), str(error))

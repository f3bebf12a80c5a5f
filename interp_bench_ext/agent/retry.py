"""How long to wait before a request is sent again, and when to give up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import TypeVar

from ..errors import ProviderError
from ..record.events import Emit, ProviderWaiting
from .provider import Unavailable

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter: about ``first_s``, twice that, and so on up to ``longest_s``."""

    first_s: float = 1.0
    longest_s: float = 60.0
    patience_s: float = 3600.0
    """An outage that lasts longer than this ends the run, which can be resumed."""
    unreached_s: float = 120.0
    """The same for an address that has not answered once: it may be wrong."""

    def wait_s(self, attempt: int, hint_s: float | None, *, draw: float) -> float:
        """Seconds before attempt number ``attempt`` + 1; ``draw`` in [0, 1) is the jitter.

        A server's hint is a minimum: jitter only adds to it, so that many runs do not come back at once.
        """
        if hint_s is not None:
            return hint_s + draw * min(self.first_s, hint_s)
        # Beyond 2**30 s the exponent says nothing any more, and a float would overflow.
        full: float = min(self.longest_s, self.first_s * 2 ** min(attempt - 1, 30))
        return full * (0.5 + draw / 2)


@dataclass
class Patience:
    """Sends a request again until it comes through or the outage has lasted too long."""

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def insist(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        emit: Emit,
        reached: bool = True,
        at_most_s: Callable[[], float] = lambda: float("inf"),
    ) -> T:
        """What ``attempt`` returns, as soon as it does.

        Args:
            attempt: Sends the request; called again after each wait.
            emit: Hears of each wait.
            reached: Whether the address is known to answer.
            at_most_s: No wait is longer than what this returns; what ends the waiting then is for ``attempt`` to raise.

        Raises:
            ProviderError: There have been enough attempts.
        """
        outage_s, number = 0.0, 0
        while True:
            try:
                return await attempt()
            except Unavailable as unavailable:
                failure = unavailable
            number += 1
            outage_s += failure.spent_s
            wait_s = self.policy.wait_s(number, failure.hint_s, draw=random.random())
            patience_s = self.policy.unreached_s if failure.unreachable and not reached else self.policy.patience_s
            if outage_s + wait_s > patience_s:
                raise ProviderError(_given_up(failure, number, wait_s, patience_s)) from failure
            emit(_waiting(failure, wait_s))
            await self.sleep(min(wait_s, max(0.0, at_most_s())))
            outage_s += wait_s


def _given_up(failure: Unavailable, attempts: int, wait_s: float, patience_s: float) -> str:
    if wait_s > patience_s:
        return f"{failure.reason} and asks to wait {wait_s / 60:.0f} minutes: resume the run then."
    tried = "1 attempt did" if attempts == 1 else f"{attempts} attempts did"
    return f"{failure.reason}, and {tried} not get through: resume the run later."


def _waiting(failure: Unavailable, wait_s: float) -> ProviderWaiting:
    return ProviderWaiting(reason=failure.reason, wait_s=wait_s, cost_usd=failure.cost_usd, **asdict(failure.usage))

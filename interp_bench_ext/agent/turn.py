"""The agent's next reply, whatever it takes: room in window and budgets, patience in an outage."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..errors import ProviderError
from ..models.prices import Price
from ..record.events import MessageSent
from .budget import Budgets
from .context import MAX_REPLY_TOKENS, Context
from .gate import Gate
from .provider import Choosing, ContextTooLong, Metered, Prompt, Provider, Reply
from .tools import TOOLS

_SPECS = tuple(tool.spec for tool in TOOLS)
_WRITE_UP = "Leave enough to submit your findings."


@dataclass(frozen=True)
class Turns:
    """Asks the provider for one reply after the other."""

    gate: Gate
    provider: Provider
    system: str
    budgets: Budgets

    def check(self) -> None:
        """Tell the agent of budgets that are nearly used up. Raises BudgetReached when one is."""
        session = self.gate.session
        for warning in self.budgets.check(session.state, session.emit, self._price):
            text = f"{warning.budget}: {warning.used:g} of {warning.limit:g} are used. {_WRITE_UP}"
            session.emit(MessageSent(sender="run", text=text))

    def __post_init__(self) -> None:
        if isinstance(self.provider, Metered):
            self.budgets.refuse_unknown_price(self.provider.capacity)

    async def reply(self) -> Reply:
        """The next reply.

        Raises:
            BudgetReached: There is no room for it.
            ProviderError: The provider cannot go on, or was out of reach for too long.
        """
        if not isinstance(self.provider, Metered):
            return await self._within_minutes()
        context = self._context(self.provider)
        state = self.gate.session.state
        return await self.provider.patience.insist(
            lambda: self._attempt(context),
            emit=self.gate.session.emit,
            reached=state.figures.output_tokens > 0,
            at_most_s=lambda: self.budgets.seconds_left(state),
        )

    async def _within_minutes(self) -> Reply:
        """The reply of an agent that nobody here can hurry: minutes bound it while the run's clock goes."""
        state = self.gate.session.state
        left = None if state.figures.clock.waits else self.budgets.seconds_left(state)
        try:
            async with asyncio.timeout(left):
                return await self._ask(MAX_REPLY_TOKENS)
        except TimeoutError:
            self.check()
            raise

    @property
    def _price(self) -> Price | None:
        return self.provider.capacity.price if isinstance(self.provider, Metered) else None

    def _context(self, provider: Metered) -> Context:
        session = self.gate.session
        return Context(session.state, session.emit, provider, self.budgets, self.system, _SPECS)

    async def _attempt(self, context: Context) -> Reply:
        await self.gate.passed()
        self._choose()
        try:
            return await self._ask(await context.fit())
        except ContextTooLong as error:
            if any(edit.kind == "compacted" for edit in context.state.edits) or len(context.state.messages) < 3:
                raise ProviderError(f"{error} It cannot be made shorter.") from error
        await context.compact()
        return await self._attempt(context)

    def _choose(self) -> None:
        """Take the model that a person has chosen meanwhile, for an attempt that follows a failed one too."""
        model = self.gate.session.state.model
        if model is not None and isinstance(self.provider, Choosing) and self.provider.model != model:
            self.provider.choose(model)

    async def _ask(self, max_tokens: int) -> Reply:
        session = self.gate.session
        return await self.provider.reply(
            Prompt(
                system=self.system,
                messages=session.state.messages,
                tools=_SPECS,
                lacks=frozenset(session.state.lacks),
            ),
            max_tokens=max_tokens,
            emit=session.emit,
        )

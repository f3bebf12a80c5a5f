"""The way of one request to the provider and of its reply back, paid for from the ledger."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from httpx2 import AsyncClient, ConnectError, ConnectTimeout, HTTPError, Limits, PoolTimeout, Response, Timeout

from ...errors import InterpBenchError
from ...models.key import Key
from ...models.prices import Price, price_of
from ..people import Person, who_has
from .asked import Asked, charge_of, counting_body
from .heard import Heard, said_count
from .ledger import Charge, Ledger, OverBudget
from .settings import GatewaySettings

_TIMEOUT = Timeout(connect=15, read=180, write=60, pool=60)
_VERSION = "2023-06-01"
_COUNTING_S = 20.0


class Refused(InterpBenchError):
    """What the gateway does not do, as the Messages API would say it."""

    def __init__(self, status: int, type: str, message: str) -> None:
        super().__init__(message)
        self.status, self.type = status, type


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """One request of a person's server."""

    person: Person
    body: bytes
    asked: Asked
    version: str | None = None
    betas: str | None = None


class Answer:
    """The provider's reply while it passes."""

    def __init__(self, response: Response, heard: Heard | None, settle: Settling | None) -> None:
        self.status, self.headers = response.status_code, response.headers
        self._response, self._heard, self._settle = response, heard, settle

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, untouched; what it costs is put down before its end is passed on."""
        async for piece in self._response.aiter_raw():
            if self._heard is not None and self._settle is not None:
                self._heard.take(piece)
                self._settle.soon(self._heard)
            yield piece
        if self._heard is not None:
            self._heard.end()

    async def close(self) -> None:
        """The reply has ended, or was given up, perhaps before its first piece: put its cost down."""
        if self._heard is not None and self._settle is not None:
            self._settle.now(self._heard)
        await asyncio.shield(self._response.aclose())


class Settling:
    """Puts down what one reply took, as soon as that is known."""

    def __init__(self, ledger: Ledger, number: int, asked: Asked, price: Price | None) -> None:
        self._ledger, self._number, self._asked, self._price = ledger, number, asked, price
        self._lowered = False

    def soon(self, heard: Heard) -> None:
        """Before a piece is passed on: what a client has seen is put down, whatever becomes of the gateway."""
        if heard.complete:
            self.now(heard)
        elif heard.begun and not self._lowered:
            self._lowered = True
            self._ledger.lower(self._number, self._asked.most(heard.usage.prompt_tokens, self._price))

    def now(self, heard: Heard) -> None:
        """The end, or all that will be heard of it."""
        usage = heard.usage
        if heard.complete:
            self._ledger.settle(self._number, charge_of(usage, self._price))
            return
        shown = self._asked.max_tokens if self._asked.thinks else min(self._asked.max_tokens, heard.shown_bytes)
        if heard.begun:
            most = charge_of(replace(usage, output_tokens=max(shown, usage.output_tokens)), self._price)
        else:
            most = self._asked.most(self._asked.bounded_by_bytes, self._price)
        self._ledger.settle(self._number, most, cut=True)


class Relay:
    """Passes requests on under the provider's key, within everybody's budgets."""

    def __init__(
        self, settings: GatewaySettings, *, ledger: Ledger, key: Key | None, prices: Mapping[str, Price]
    ) -> None:
        self._settings, self._ledger, self._prices = settings, ledger, prices
        self._credentials = _headers_of(key)
        self._under_way: Counter[str] = Counter()
        limits = Limits(max_connections=None, max_keepalive_connections=32)
        self._client = AsyncClient(base_url=settings.upstream, timeout=_TIMEOUT, limits=limits, trust_env=False)

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def place(self, person: Person) -> AsyncIterator[None]:
        """Raises Refused where the person has too many requests under way."""
        most = self._settings.at_once_per_user
        if self._under_way[person.name] >= most:
            raise Refused(429, "rate_limit_error", f"You have {most} requests under way, all that this Hub allows.")
        self._under_way[person.name] += 1
        try:
            yield
        finally:
            self._under_way[person.name] -= 1

    async def messages(self, incoming: Incoming) -> Answer:
        """Send the request on. Raises Refused."""
        asked, price = incoming.asked, self._price_of(incoming)
        number = await self._reserved(incoming, price)
        try:
            response = await self._sent(incoming, "/v1/messages")
        except HTTPError as error:
            # It may have been taken before the connection broke; only one that was never made is free.
            if isinstance(error, (ConnectError, ConnectTimeout, PoolTimeout)):
                self._ledger.forget(number)
            else:
                self._ledger.settle(number, asked.most(asked.bounded_by_bytes, price), cut=True)
            raise Refused(502, "api_error", "The provider cannot be reached from this Hub.") from None
        except asyncio.CancelledError:
            self._ledger.settle(number, asked.most(asked.bounded_by_bytes, price), cut=True)
            raise
        if response.status_code != 200:
            self._ledger.forget(number)
            await _check_credentials(response)
            return Answer(response, None, None)
        streamed = "event-stream" in response.headers.get("content-type", "")
        return Answer(response, Heard(streamed=streamed), Settling(self._ledger, number, asked, price))

    async def count_tokens(self, incoming: Incoming) -> Answer:
        """Ask the provider how long a prompt is, which costs nothing. Raises Refused."""
        self._price_of(incoming)
        try:
            response = await self._sent(incoming, "/v1/messages/count_tokens")
        except HTTPError:
            raise Refused(502, "api_error", "The provider cannot be reached from this Hub.") from None
        await _check_credentials(response)
        return Answer(response, None, None)

    def _price_of(self, incoming: Incoming) -> Price | None:
        model = incoming.asked.model
        allowed = self._settings.models_of(incoming.person)
        if model not in allowed:
            raise Refused(
                403, "permission_error", f"This Hub offers you {', '.join(allowed)}, and not {_short(model)!r}."
            )
        for beta in (incoming.betas or "").split(","):
            if beta.strip() and beta.strip() not in self._settings.betas:
                raise Refused(
                    400, "invalid_request_error", f"This Hub's gateway does not pass on the beta {_short(beta)!r}."
                )
        return price_of(self._prices, model)

    async def _reserved(self, incoming: Incoming, price: Price | None) -> int:
        """The request, put down at the most that it can cost. Raises Refused."""
        asked = incoming.asked
        try:
            return self._reserve(incoming, asked.most(asked.bounded_by_bytes, price))
        except OverBudget as over:
            counted = await self._counted(incoming)
            if counted is None:
                raise _over_budget(over) from None
        try:
            return self._reserve(incoming, asked.most(counted, price))
        except OverBudget as over:
            raise _over_budget(over) from None

    def _reserve(self, incoming: Incoming, most: Charge) -> int:
        """Raises OverBudget."""
        person, budgets = incoming.person, self._settings.budgets(incoming.person)
        return self._ledger.reserve(person.name, person.scopes, model=incoming.asked.model, most=most, budgets=budgets)

    async def _counted(self, incoming: Incoming) -> int | None:
        """Tokens of the prompt by the provider's own count; None where it does not say."""
        try:
            async with asyncio.timeout(_COUNTING_S):
                counted = replace(incoming, body=counting_body(incoming.body))
                response = await self._sent(counted, "/v1/messages/count_tokens")
                said = await response.aread()
        except (HTTPError, TimeoutError):
            return None
        return said_count(said) if response.status_code == 200 else None

    async def _sent(self, incoming: Incoming, path: str) -> Response:
        headers = {
            **self._credentials,
            "content-type": "application/json",
            "accept-encoding": "identity",
            "anthropic-version": incoming.version or _VERSION,
        }
        if incoming.betas:
            headers["anthropic-beta"] = incoming.betas
        request = self._client.build_request("POST", path, content=incoming.body, headers=headers)
        return await self._client.send(request, stream=True)


def _headers_of(key: Key | None) -> dict[str, str]:
    given = key.of("anthropic") if key is not None else {}
    if "api_key" in given:
        return {"x-api-key": given["api_key"]}
    return {"authorization": f"Bearer {given['auth_token']}"} if "auth_token" in given else {}


async def _check_credentials(response: Response) -> None:
    """Raises Refused where it is the gateway's own key that was not accepted: nobody else can do anything about it."""
    if response.status_code == 401:
        await response.aclose()
        raise Refused(502, "api_error", "The provider did not accept this Hub's key; tell its administrator.")


def _over_budget(over: OverBudget) -> Refused:
    budget, spent = over.budget, over.spent
    if budget.usd is not None and spent.usd + over.most.usd > budget.usd:
        used = f"${spent.usd:.2f} of ${budget.usd:.2f}, and this request could cost ${over.most.usd:.2f}"
    else:
        used = f"{spent.tokens:,} of {budget.tokens:,} tokens, and this request could take {over.most.tokens:,}"
    sentence = f"Within {budget.hours:g} hours {who_has(over.scope)} used {used}; wait, or ask the Hub's administrator."
    return Refused(402, "billing_error", sentence)


def _short(text: str) -> str:
    return text.strip()[:80]

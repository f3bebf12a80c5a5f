"""The route of MCP clients: streamable HTTP, to whoever may start runs here."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, Protocol, cast

from .asgi import Bridge
from .base import OpensServices, ServicesHandler, allowed_to

if TYPE_CHECKING:
    from ..mcp.endpoint import Endpoint

ROUTE = "interp_bench/mcp"
"""Below the server's base URL."""


class OpensEndpoint(OpensServices, Protocol):
    """Whoever holds the MCP endpoint: the server extension."""

    async def endpoint(self) -> Endpoint:
        """The endpoint, made at the first call. Raises BadInput where that is not possible."""
        ...


class McpHandler(ServicesHandler):
    """Passes requests on to the MCP endpoint, behind Jupyter's own authentication and its checks of origins.

    A client sends its token in the header ``Authorization``; one that is known by a cookie is a page in a browser, and
    is held to the rules about cross-site requests that all routes have.
    """

    def initialize(self, app: OpensServices) -> None:
        super().initialize(app)
        self._gone = asyncio.Event()

    @allowed_to("execute")
    async def get(self) -> None:
        await self._answer()

    @allowed_to("execute")
    async def post(self) -> None:
        await self._answer()

    @allowed_to("execute")
    async def delete(self) -> None:
        await self._answer()

    def on_connection_close(self) -> None:
        self._gone.set()

    def finish(self, *args: Any, **kwargs: Any) -> Any:
        """Keep the type of content that the reply has."""
        written = self._headers.get("Content-Type", "application/json")
        return super().finish(*args, set_content_type=written, **kwargs)

    async def _answer(self) -> None:
        from ..mcp.server import GONE_KEY, USER_KEY

        self.check_body()
        endpoint = await cast("OpensEndpoint", self._app).endpoint()
        more = {GONE_KEY: self._gone, USER_KEY: self._user()}
        self.clear_header("Content-Type")
        await Bridge(self, gone=self._gone, more=more).answer(endpoint)

    def _user(self) -> str:
        """Who asks, the same at each request: whoever shows a token and no cookie is a new anonymous user each time."""
        token = self.identity_provider.get_token(self) if self.token_authenticated else None
        if token:
            return f"token {hashlib.sha256(token.encode()).hexdigest()}"
        return getattr(self.current_user, "username", "") if self.identity_provider.auth_enabled else "anybody"

"""What both services of a Hub are made of: routes below a prefix, what runs beside them, and what an error becomes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from ..errors import InterpBenchError


def application(
    routes: Sequence[BaseRoute],
    *,
    prefix: str,
    behind: object,
    running: Callable[[], AbstractAsyncContextManager[None]],
    refusal: Callable[[Exception], Response],
) -> Starlette:
    """The application below ``prefix``.

    Args:
        routes: Those of the service; ``/health`` is added.
        prefix: What all addresses begin with.
        behind: What handlers find as ``request.app.state.behind``.
        running: Open while the application serves.
        refusal: The reply to an error: one of the package's tree, an HTTPException, or one that nobody foresaw.
    """

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with running():
            yield

    async def refused(_request: Request, error: Exception) -> Response:
        return refusal(error)

    app = Starlette(
        routes=[Mount(prefix.rstrip("/"), routes=[Route("/health", _health), *routes])],
        lifespan=lifespan,
        exception_handlers=dict.fromkeys((InterpBenchError, HTTPException, Exception), refused),
    )
    app.state.behind = behind
    return app


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})

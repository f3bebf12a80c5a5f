from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from httpx2 import Response

from interp_bench_ext.hub.gateway.asked import Asked
from interp_bench_ext.hub.gateway.heard import Heard
from interp_bench_ext.hub.gateway.ledger import Charge, Ledger
from interp_bench_ext.hub.gateway.relay import Answer, Settling
from interp_bench_ext.hub.gateway.routes import Passed

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}, "method": "POST", "path": "/", "headers": []}


async def gone() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def never(_message: Any) -> None:
    await asyncio.Event().wait()


def test_a_client_that_is_gone_before_the_first_piece_leaves_its_place_and_pays(tmp_path: Path):
    ledger, left = Ledger(tmp_path / "spent.sqlite"), []
    asked = Asked(model="m", max_tokens=50, bounded_by_bytes=100, thinks=False)
    number = ledger.reserve("ada", ["user:ada"], model="m", most=Charge(tokens=150), budgets=())
    answer = Answer(Response(200, content=b"data: {}"), Heard(streamed=True), Settling(ledger, number, asked, None))

    async def main() -> None:
        held = AsyncExitStack()
        held.callback(left.append, "the place")
        await asyncio.wait_for(Passed(answer, held)(SCOPE, gone, never), 10)

    asyncio.run(main())
    assert left == ["the place"]
    assert ledger.counts() == {"cut": 1}
    assert ledger.spent("user:ada", hours=1).tokens == 150

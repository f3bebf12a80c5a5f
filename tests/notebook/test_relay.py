"""A real kernel of a run in a real Jupyter server, whose code sends what it likes on every socket it has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from interp_bench_ext.notebook.session import NotebookSession
from tests.notebook.persons import person
from tests.notebook.support import at, longest_pause, run, text_of
from tests.redteam.suite import attempt

SEND = """
kernel = get_ipython().kernel

def publish(kind, content, metadata=None, parent=None):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=parent or kernel.get_parent(), metadata=metadata)

def answer(content):
    kernel.session.send(kernel.shell_stream, "execute_reply", content, ident=kernel._parent_ident["shell"])
"""
HOSTILE_FORMS = """{
    "text/plain": "plain",
    "text/html": "<script>1</script><img src='https://canary.test'><b data-commandlinker-command='x'>bold</b>",
    "application/javascript": "1",
    "application/vnd.vegalite.v5+json": {"data": {"url": "/lab"}, "mark": "point"},
    "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
}"""
SHOWN = {"text/plain", "text/html", "image/png"}


async def ended(session: NotebookSession, code: str) -> list[dict[str, Any]]:
    done = await run(session, SEND + code)
    assert done.status == "ok", text_of(done.outputs)
    return done.outputs


LARGE = [
    "publish('display_data', b'{\"data\": {\"application/json\": [' + lists + b']}}')",
    "publish('display_data', {'data': {'text/plain': 'x'}}, metadata={'x': [[]] * 10_000_000})",
    "publish('status', b'{\"execution_state\": [' + lists + b']}')",
    "publish('stream', b'{\"text\": [' + lists + b']}')",
    "publish('comm_open', b'{\"data\": [' + lists + b']}')",
    "publish('error', b'{\"traceback\": [' + lists + b']}')",
    "answer(b'{\"payload\": [' + lists + b']}')",
]


@pytest.mark.slow
@attempt("H1", "resources", "60 MiB of empty lists as output, metadata, state, error and answer", veil="any")
def test_sixty_megabytes_of_lists_cost_that_output_only(root: Path) -> None:
    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, _):
            await run(session, SEND + "lists = b'[],' * 20_000_000 + b'[]'")
            async with person(place.app, session.kernel_id or ""):
                for message in LARGE:
                    async with longest_pause() as pause:
                        done = await run(session, message + "\nprint('after')")
                    assert done.status == "ok", message
                    assert text_of(done.outputs).endswith("after\n"), message
                    assert sum(len(str(output)) for output in done.outputs) < 1000, message
                    assert pause() < 1.0, message
            async with longest_pause() as control:
                await asyncio.sleep(0.01)
                json.loads("[" + "[]," * 5_000_000 + "1]")
                await asyncio.sleep(0.01)
            assert control() > 0.2

    asyncio.run(scenario())


@attempt("F1p", "browser", "What the run's kernel adds to a cell that a person runs in it", veil="any")
def test_a_person_s_own_cell_in_the_run_s_kernel_is_filtered_too(root: Path) -> None:
    hook = f"lambda _: publish('display_data', {{'data': {HOSTILE_FORMS}}})"
    hooked = f"get_ipython().events.register('post_run_cell', {hook})"

    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, _):
            await ended(session, hooked)
            async with person(place.app, session.kernel_id or "") as client:
                client.execute("1 + 1")
                shown = [message async for message in messages(client) if message["msg_type"] == "display_data"]
                data = shown[0]["content"]["data"]
                assert set(data) <= SHOWN
                assert data["text/html"] == "<img><b>bold</b>"

    asyncio.run(scenario())


@attempt("F1i", "browser", "A pager, an inspection and an expression show a chart or a script", veil="any")
def test_a_pager_an_inspection_and_an_expression_show_no_more_than_an_output(root: Path) -> None:
    hostile = f"""
class Hostile:
    "A docstring."
    def _repr_mimebundle_(self, **_):
        return {HOSTILE_FORMS}

hostile = Hostile()
kernel.do_inspect = lambda *_, **__: {{"status": "ok", "found": True, "data": {HOSTILE_FORMS}, "metadata": {{}}}}
"""
    payload = f"get_ipython().payload_manager.write_payload({{'source': 'page', 'data': {HOSTILE_FORMS}, 'start': 0}})"

    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, _):
            await ended(session, hostile)
            async with person(place.app, session.kernel_id or "") as client:
                reply = await client.execute(payload, user_expressions={"x": "hostile"}, reply=True, timeout=30)
                assert reply["content"]["payload"] == []
                assert set(reply["content"]["user_expressions"]["x"]["data"]) <= SHOWN
                found = await client.inspect("hostile", reply=True, timeout=30)
                assert found["content"]["found"]
                assert set(found["content"]["data"]) <= SHOWN

    asyncio.run(scenario())


@attempt("F1c", "browser", "Messages to widgets (comms) and of unknown kinds", veil="any")
def test_comms_and_unknown_kinds_reach_nobody(root: Path) -> None:
    code = (
        "publish('comm_open', {'comm_id': 'x', 'target_name': 'y', 'data': {}})\npublish('strange', {})\nprint('said')"
    )

    async def scenario() -> None:
        async with at("contents", root) as place, place.session() as (session, _):
            await ended(session, "")
            async with person(place.app, session.kernel_id or "") as client:
                client.execute(code)
                kinds = {message["msg_type"] async for message in messages(client)}
                assert kinds == {"status", "execute_input", "stream"}

    asyncio.run(scenario())


async def messages(client: Any) -> AsyncIterator[dict[str, Any]]:
    """What the client hears until its cell has ended."""
    while True:
        message = await client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_type") != "execute_request":
            continue
        yield message
        if message["content"] == {"execution_state": "idle"}:
            return

"""What a control plane remembers: apps, functions, calls, inputs; and how inputs wait for containers."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modal_proto import api_pb2

if TYPE_CHECKING:
    from tests.organisms.places.modal.containers import Container

_numbers = itertools.count(1)


def new_id(prefix: str) -> str:
    return f"{prefix}-{next(_numbers):06}"


@dataclass
class App:
    id: str
    name: str = ""
    state: int = 0
    functions: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    deploys: int = 0

    @property
    def deployed(self) -> bool:
        return self.state == api_pb2.APP_STATE_DEPLOYED


@dataclass(eq=False)
class Function:
    id: str
    app: App
    name: str
    handle: api_pb2.FunctionHandleMetadata
    definition: api_pb2.Function | None = None
    pending: deque[Input] = field(default_factory=deque)
    containers: list[Container] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def at_once(self) -> int:
        assert self.definition is not None
        return self.definition.max_concurrent_inputs or 1


@dataclass(eq=False)
class Call:
    id: str
    function: Function
    inputs: list[Input] = field(default_factory=list)
    chunks: list[api_pb2.DataChunk] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def done(self) -> bool:
        return all(one.output is not None for one in self.inputs)

    async def notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()


@dataclass(eq=False)
class Input:
    id: str
    call: Call
    item: api_pb2.FunctionInput
    invocation: Any
    retries: int = 0
    output: api_pb2.FunctionGetOutputsItem | None = None

    async def finish(self, output: api_pb2.FunctionGetOutputsItem) -> None:
        if self.output is None:
            self.output = output
            await self.call.notify()

    async def fail(self, status: Any, why: str) -> None:
        result = api_pb2.GenericResult(status=status, exception=why)
        await self.finish(api_pb2.FunctionGetOutputsItem(result=result, input_id=self.id))


@dataclass
class State:
    apps: dict[str, App] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    inputs: dict[str, Input] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    named_secrets: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, list[api_pb2.MountFile]] = field(default_factory=dict)
    images: dict[str, api_pb2.Image] = field(default_factory=dict)
    image_ids: dict[bytes, str] = field(default_factory=dict)

    def deployed(self, name: str) -> App | None:
        """The app that was deployed last under the name."""
        found = [app for app in self.apps.values() if app.name == name and app.deployed]
        return found[-1] if found else None

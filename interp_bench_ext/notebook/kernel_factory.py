"""Has a Jupyter server start the kernels of runs in its own ways, and all others as ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from jupyter_client.ioloop.manager import AsyncIOLoopKernelManager
from jupyter_client.ioloop.restarter import AsyncIOLoopKernelRestarter
from traitlets import Bool

from ..contracts import Connection, Veil
from ..errors import BadInput
from ..output_filter.relay import Context
from .kernels import PythonSpec, provision


class KernelFactory:
    """Stands before the server's factory of kernel managers, a public trait, and lets everything pass but orders.

    Other ways to a sandbox would show in the notebook: a kernel of another name is not there on other machines.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self.context = Context()

    @classmethod
    def of(cls, kernels: Any) -> KernelFactory:
        """The factory of a server's MultiKernelManager, put there when it is asked for first."""
        if not isinstance(kernels.kernel_manager_factory, cls):
            kernels.kernel_manager_factory = cls(kernels.kernel_manager_factory)
        factory: KernelFactory = kernels.kernel_manager_factory
        return factory

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        order = _ORDER.get()
        if order is None or order.filled:
            return self._make(*args, **kwargs)
        order.filled = True
        manager = self._make(*args, **{**kwargs, "kernel_spec_manager": PythonSpec(), "context": self.context})
        if not isinstance(manager, AsyncIOLoopKernelManager):
            raise BadInput(
                f"This server's kernels are managed by {type(manager).__name__}, which cannot run them for an "
                "investigation; set AsyncMappingKernelManager.kernel_manager_class back to its default."
            )
        manager.restarter_class = RunRestarter
        provision(manager, order.veil, order.connection)
        return manager

    @contextmanager
    def ordered(self, *, veil: Veil, connection: Connection | None) -> Iterator[None]:
        """The next kernel that this task starts is one for a run."""
        token = _ORDER.set(_Order(veil, connection))
        try:
            yield
        finally:
            _ORDER.reset(token)


class RunRestarter(AsyncIOLoopKernelRestarter):
    """Starts a dead kernel again as for any other, except while a run has it, which does so itself."""

    # Browsers that are attached would wait at the old ports.
    random_ports_until_alive = Bool(False)

    async def poll(self) -> None:  # type: ignore[override]
        if not getattr(self.kernel_manager.provisioner, "held", False):
            await super().poll()

    def announce(self) -> None:
        """Tell whoever is attached that the kernel restarts."""
        self._fire_callbacks("restart")


@dataclass
class _Order:
    veil: Veil
    connection: Connection | None
    filled: bool = False


_ORDER: ContextVar[_Order | None] = ContextVar("order", default=None)

"""Kernels that belong to one session and end with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jupyter_client.manager import AsyncKernelManager

from ..contracts import Connection, Veil
from ..errors import KernelDied
from .kernels import Kernel, PythonSpec, provision


class OwnKernels:
    """Starts kernels without a Jupyter server."""

    kernel_id: str | None = None

    def __init__(self, *, veil: Veil, work_dir: Path) -> None:
        self.veil = veil
        self._work_dir = work_dir
        self._manager: AsyncKernelManager | None = None
        self._kernel: Kernel | None = None

    async def start(self, *, connection: Connection | None, on_death: Callable[[str], None]) -> Kernel:
        self._manager = manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=PythonSpec())
        provisioner = provision(manager, self.veil, connection)
        try:
            await manager.start_kernel(cwd=str(self._work_dir))
            self._kernel = await Kernel.attach(manager.client(), provisioner, on_death=on_death)
        except (RuntimeError, OSError) as error:
            await self.close()
            raise KernelDied(f"The kernel did not start: {error}") from error
        except BaseException:
            await self.close()
            raise
        return self._kernel

    async def restart(self, *, connection: Connection | None, on_death: Callable[[str], None]) -> Kernel:
        await self.close()
        return await self.start(connection=connection, on_death=on_death)

    async def close(self) -> None:
        """End the kernel and remove what it left outside its work folder."""
        if self._kernel is not None:
            await self._kernel.detach()
        if self._manager is not None:
            await self._manager.shutdown_kernel(now=True)
        self._kernel = self._manager = None

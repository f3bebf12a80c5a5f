"""The Jupyter server that this kernel belongs to, found and asked without any server code."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import re
import selectors
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from ..errors import InterpBenchError, from_code
from .wire import UnixConnection

_FIND_TIMEOUT_S, _TIMEOUT_S = 5.0, 60.0
_LOOK_EVERY_S = 0.3
_UNANSWERED = "The Jupyter server of this notebook does not answer: run the cell again once it is back."
_NO_TOKEN = (
    "This Jupyter server takes a password and no token, so that a notebook cannot ask it:"
    " use its sidebar, or start it with --IdentityProvider.token=…"
)
_NOT_INSTALLED = (
    "This notebook's Jupyter server has no Interp Bench: install interp_bench_ext in the environment that the"
    " server runs in, and restart it."
)
_FORBIDDEN = "The Jupyter server does not let this notebook do that: log in again, or ask the administrator."


@dataclass(frozen=True)
class JupyterServer:
    """Address and credentials of a server, and the kernel's name there."""

    url: str
    kernel: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    socket: str = ""
    """Path of its Unix socket, for a server that listens on one."""

    def get(self, path: str, *, timeout_s: float = _TIMEOUT_S) -> Any:
        """The JSON reply to a GET below the server's base URL."""
        return self._ask("GET", path, None, timeout_s, None)

    def post(self, path: str, body: Mapping[str, Any], *, meanwhile: Callable[[], None] | None = None) -> Any:
        """The JSON reply to a POST; a reply that takes its time is waited for, with ``meanwhile`` called again and
        again.
        """
        return self._ask("POST", path, json.dumps(body).encode(), _TIMEOUT_S, meanwhile)

    def notebook(self) -> str | None:
        """Path of this kernel's notebook below the server's root folder."""
        for session in self.get("api/sessions"):
            if (session.get("kernel") or {}).get("id") == self.kernel and session.get("type") == "notebook":
                return str(session["path"])
        return None

    def _ask(
        self, method: str, path: str, body: bytes | None, timeout_s: float, meanwhile: Callable[[], None] | None
    ) -> Any:
        connection = self._connection(timeout_s)
        with closing(connection):
            try:
                where = urlsplit(self.url).path.rstrip("/") + "/" + quote(path)
                connection.request(method, where, body, {"Content-Type": "application/json", **self.headers})
                if meanwhile is not None:
                    _wait(connection, meanwhile)
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException):
                raise InterpBenchError(_UNANSWERED) from None
        if response.status >= http.client.BAD_REQUEST:
            _refused(response.status, content)
        return json.loads(content) if content else None

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self.socket:
            return UnixConnection(self.socket, timeout_s)
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            if _is_this_machine(host):
                # Its certificate names the machine as others see it.
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)


def _wait(connection: http.client.HTTPConnection, meanwhile: Callable[[], None]) -> None:
    """Until the reply begins."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        while not selector.select(_LOOK_EVERY_S):
            meanwhile()


def find_server() -> JupyterServer | None:
    """The server whose kernel this is; None outside of one, in a terminal or an editor.

    Raises:
        InterpBenchError: it is there and cannot be asked.
    """
    kernel = _kernel_id()
    if kernel is None:
        return None
    for server, certain in _candidates(kernel):
        try:
            server.get(f"api/kernels/{kernel}", timeout_s=_FIND_TIMEOUT_S)
        except InterpBenchError:
            if certain and not server.headers.get("Authorization"):
                raise InterpBenchError(_NO_TOKEN) from None
        else:
            return server
    return None


def _kernel_id() -> str | None:
    """A server names its kernels' connection files after them."""
    from ipykernel.connect import get_connection_file

    try:
        file = Path(get_connection_file()).name
    except (RuntimeError, OSError):
        return None
    match = re.fullmatch(r"kernel-(.+)\.json", file)
    return match[1] if match else None


def _candidates(kernel: str) -> Iterator[tuple[JupyterServer, bool]]:
    """Servers that this kernel may belong to, likely ones first, and whether it is certain that it does."""
    hub_token = os.environ.get("JUPYTERHUB_API_TOKEN", "")
    for info in _running():
        token = str(info.get("token") or hub_token)
        mine = str(info["pid"]) == os.environ.get("JPY_PARENT_PID")
        yield JupyterServer(_reachable(str(info["url"])), kernel, _headers(token), str(info.get("sock") or "")), mine
    address = os.environ.get("JUPYTERHUB_SERVICE_URL", "")
    if address and hub_token:
        yield JupyterServer(_reachable(address), kernel, _headers(hub_token)), False


def _running() -> list[dict[str, Any]]:
    """What the user's servers say of themselves, this kernel's parent first, then the newest."""
    from jupyter_core.paths import jupyter_runtime_dir

    found = []
    for path in Path(jupyter_runtime_dir()).glob("jpserver-*.json"):
        try:
            status = path.stat()
            info = json.loads(path.read_text(encoding="utf-8"))
            parent = str(info["pid"]) == os.environ.get("JPY_PARENT_PID")
            urlsplit(str(info["url"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        # A file of somebody else could send this notebook's requests anywhere.
        if not hasattr(os, "getuid") or status.st_uid == os.getuid():
            found.append((parent, status.st_mtime_ns, info))
    return [info for _, _, info in sorted(found, key=lambda entry: entry[:2], reverse=True)]


def _headers(token: str) -> dict[str, str]:
    if token:
        return {"Authorization": f"token {token}"}
    # A server without any log-in still wants to know that no other page made the request.
    return {"Cookie": "_xsrf=interp-bench", "X-XSRFToken": "interp-bench"}


def _reachable(url: str) -> str:
    """``url`` with an address that can be called, where it names all of the machine's."""
    host = urlsplit(url).hostname
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return url.replace("[::]" if host == "::" else host, "127.0.0.1", 1)
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", socket.gethostname())


def _refused(status: int, content: bytes) -> NoReturn:
    try:
        told = json.loads(content)
        code, message = str(told["code"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        known = {http.client.NOT_FOUND: _NOT_INSTALLED}
        known |= dict.fromkeys((http.client.UNAUTHORIZED, http.client.FORBIDDEN), _FORBIDDEN)
        raise InterpBenchError(known.get(status, f"The Jupyter server answered with HTTP status {status}.")) from None
    raise from_code(code, message)

"""Addresses of servers of the Messages API."""

from __future__ import annotations

from urllib.parse import urlsplit


def messages_root(url: str) -> str:
    """The address to which a client of the Messages API adds its ``/v1/messages``."""
    root = url.rstrip("/").removesuffix("/messages")
    return root.removesuffix("/v1").rstrip("/") or url


def server_url(value: str) -> str:
    """The checked address of a server of the Messages API. Raises ValueError."""
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0:
        raise ValueError(f"{value!r} is not an address; write it as https://gateway.example.org")
    if url.username or url.password or url.query or url.fragment:
        # Not repeated: what stands there may be a key.
        raise ValueError("an address is public and holds no key; set ANTHROPIC_AUTH_TOKEN instead")
    return messages_root(value)

"""A method's process: it runs the methods of one ticket as the host sends them, and ends when the host is gone.

The first line on stdin is the path of the socket that leads to the host, and the word that opens it.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from .channel import Channel, Closed, Malformed
from .running import Methods


def main() -> None:
    """Connect, say the word, and serve until the channel closes."""
    opening = json.loads(sys.stdin.readline())
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(opening["socket"])
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    channel = Channel(connection)
    try:
        channel.send({"word": opening["word"]})
        Methods(channel).serve()
    except (Closed, Malformed):
        return


if __name__ == "__main__":
    main()

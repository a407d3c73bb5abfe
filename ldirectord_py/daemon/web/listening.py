"""The socket of the page, which this process opens so that the page needs no privileges for it."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

BACKLOG: Final = 128
"""Connections that wait to be accepted."""

SEND_BUFFER: Final = 128 * 1024
"""Bytes that the kernel keeps for a client that does not read, and as many of its own; by itself it may take 4 MB."""


def listening_socket(address: str) -> socket.socket:
    """Return a socket that listens at ``ADDRESS:PORT``; raises OSError."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and host != "[::]":
            with suppress(OSError):
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listening.bind((host.strip("[]"), int(port)))
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening

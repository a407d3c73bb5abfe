"""Limits the data that the kernel receives before it is read: an event loop reads all of it, and servers may flood."""

from __future__ import annotations

import asyncio
import socket

RECEIVE_BUFFER = 32768
"""Bytes of the receive buffer as set; the kernel doubles them for its own overhead."""


def limit_receive_buffer(transport: asyncio.BaseTransport) -> None:
    """Limit the receive buffer of the transport's socket."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

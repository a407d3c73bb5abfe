"""How much the kernel takes in before somebody reads it: a loop reads all that is there, and a server may flood."""

from __future__ import annotations

import asyncio
import socket

RECEIVE_BUFFER = 32768
"""Bytes that the kernel is asked to hold unread; it takes twice as many, its own overhead included."""


def limit_receive_buffer(transport: asyncio.BaseTransport) -> None:
    """Let the kernel take in no more than a few pages that nobody has read."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

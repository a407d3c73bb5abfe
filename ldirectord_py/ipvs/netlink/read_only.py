"""The kernel's table for commands that look at it only: its sockets send no message that could change anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.ipvs.netlink.socket import OpenSocket, RawSocket, open_socket
from ldirectord_py.ipvs.netlink.uapi import (
    CTRL_CMD_GETFAMILY,
    GENL_ID_CTRL,
    IPVS_CMD_GET_DEST,
    IPVS_CMD_GET_SERVICE,
    NLMSGHDR,
)

_READS: Final = frozenset((IPVS_CMD_GET_SERVICE, IPVS_CMD_GET_DEST))
_NO_MESSAGE: Final = (0, -1)
"""Type and command of what is no whole message: no command that reads."""


class ReadOnlySocket:
    """A netlink socket that passes on only messages that read; a batch with any other is not sent at all."""

    def __init__(self, opened: RawSocket) -> None:
        self._socket = opened

    def send(self, data: bytes, /) -> int:
        """Send messages that read; raises KernelError for all others."""
        if not all(_reads(kind, command) for kind, command in _commands(data)):
            raise KernelError("this process only reads the kernel's table")
        return self._socket.send(data)

    def recv(self, size: int, /) -> bytes:
        """Return one datagram, truncated to ``size`` bytes."""
        return self._socket.recv(size)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def read_only_kernel(opener: OpenSocket = open_socket) -> NetlinkKernel:
    """Return the kernel's table, which is not written and for which no module is loaded."""
    return NetlinkKernel(lambda: ReadOnlySocket(opener()), _load_nothing)


async def _load_nothing() -> str:
    return "the module ip_vs is not loaded"


def _reads(kind: int, command: int) -> bool:
    return command == CTRL_CMD_GETFAMILY if kind == GENL_ID_CTRL else command in _READS


def _commands(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield type and command of each message, ending with _NO_MESSAGE where one is not whole."""
    start = 0
    while start < len(data):
        if len(data) - start <= NLMSGHDR.size:
            yield _NO_MESSAGE
            return
        length, kind, *_ = NLMSGHDR.unpack_from(data, start)
        if not NLMSGHDR.size < length <= len(data) - start:
            yield _NO_MESSAGE
            return
        yield kind, data[start + NLMSGHDR.size]
        start += length + -length % 4

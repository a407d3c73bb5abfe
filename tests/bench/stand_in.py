"""The kernel's side of netlink with all answers made beforehand, so that what is measured is ours alone."""

from __future__ import annotations

import struct
from collections import deque
from typing import Final

from contract.fake_linux import attribute, dumped_destination, dumped_service, packed
from ldirectord_py.ipvs.netlink.encode import HEADER, service_key
from ldirectord_py.ipvs.netlink.uapi import (
    GENL_ID_CTRL,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_MULTI,
    NLMSG_DONE,
    NLMSG_ERROR,
)
from ldirectord_py.ipvs.table import Service, ServiceKey, Table

FAMILY: Final = 32
PART: Final = 10
"""Rows in one chunk of a dump."""

_SEQUENCE_AT: Final = 8


class StandIn:
    """A kernel that holds one table for ever, takes every op without doing it, and counts ops and dumps."""

    def __init__(self, table: Table) -> None:
        self.ops = 0
        self.dumps = 0
        self._chunks: dict[bytes, list[bytes]] = {}
        services: list[bytes] = []
        destinations: dict[ServiceKey, list[bytes]] = {}
        for row in table.values():
            if isinstance(row, Service):
                services.append(dumped_service(row))
                destinations[row.key] = []
            else:
                destinations[row.key.service].append(dumped_destination(row))
        self._chunks[b""] = _chunks(services)
        for key, bodies in destinations.items():
            self._chunks[service_key(key)] = _chunks(bodies)

    def open_socket(self) -> Socket:
        """Return another socket to this kernel."""
        return Socket(self)

    def answers(self, data: bytes) -> list[bytes]:
        """Return the chunks that answer a datagram."""
        _, kind, flags, sequence, _, _, _, _ = HEADER.unpack_from(data)
        if kind == GENL_ID_CTRL:
            body = struct.pack("BBH", 1, 2, 0) + attribute(1, struct.pack("=H", FAMILY))
            return [packed(GENL_ID_CTRL, sequence, body)]
        if flags & NLM_F_DUMP:
            self.dumps += 1
            end = packed(NLMSG_DONE, sequence, bytes(4), NLM_F_MULTI)
            return [*(_numbered(chunk, sequence) for chunk in self._chunks[data[HEADER.size :]]), end]
        return self._taken(data)

    def _taken(self, data: bytes) -> list[bytes]:
        offset, answers = 0, []
        while offset < len(data):
            length, _, flags, sequence, _, _, _, _ = HEADER.unpack_from(data, offset)
            offset += length
            self.ops += 1
            if flags & NLM_F_ACK:
                answers.append(packed(NLMSG_ERROR, sequence, struct.pack("=i16s", 0, b"")))
        return answers


def _chunks(bodies: list[bytes]) -> list[bytes]:
    """Return the messages of a dump, all equally long, in chunks."""
    parts = [bodies[start : start + PART] for start in range(0, len(bodies), PART)]
    return [b"".join(packed(FAMILY, 0, body, NLM_F_MULTI) for body in part) for part in parts]


def _numbered(chunk: bytes, sequence: int) -> bytes:
    data = bytearray(chunk)
    (size,) = struct.unpack_from("=I", chunk)
    for at, byte in enumerate(struct.pack("=I", sequence), _SEQUENCE_AT):
        data[at::size] = bytes([byte]) * len(data[at::size])
    return bytes(data)


class Socket:
    """One socket to a StandIn."""

    def __init__(self, kernel: StandIn) -> None:
        self._kernel = kernel
        self._answers: deque[bytes] = deque()

    def send(self, data: bytes, /) -> int:
        """Take a datagram."""
        self._answers.extend(self._kernel.answers(data))
        return len(data)

    def recv(self, size: int, /) -> bytes:
        """Return the next answer."""
        if not self._answers:
            raise BlockingIOError
        return self._answers.popleft()

    def close(self) -> None:
        """Forget what was not received."""
        self._answers.clear()

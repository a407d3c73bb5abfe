"""How many connections destinations have: what a dump of them says beside their rows."""

from __future__ import annotations

from dataclasses import dataclass

from ldirectord_py.ipvs.netlink import decode, encode
from ldirectord_py.ipvs.netlink.decode import Message
from ldirectord_py.ipvs.table import DestinationKey, ServiceKey

_CONNECTIONS = (7, 8, 9)  # active, inactive, and the persistent clients

Count = tuple[DestinationKey, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of one service's destinations: what asks for them, and what reads the answer."""

    of: ServiceKey

    @property
    def request(self) -> bytes:
        """Return the payload that asks for the destinations."""
        return encode.service_key(self.of)

    def decode(self, chunk: bytes, sequence: int) -> tuple[list[Count], bool]:
        """Return the counts of a chunk, and whether the dump ends with it; errors as ``dump.part``."""
        return decode.part(chunk, sequence, self._count)

    def _count(self, message: Message) -> Count | None:
        row = decode.destination(message, self.of)
        return None if row is None else (row.key, sum(decode.numbers(message, _CONNECTIONS)))

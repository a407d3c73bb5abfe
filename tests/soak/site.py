"""What a daemon is soaked in: servers that are well, hang, or flap in two ways. To be used in a namespace of its own.

Of a hundred servers 60 answer HTTP, 15 take connections, 5 never answer, 10 answer HTTP or hang, and 10 answer HTTPS
or refuse.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.configurations import CONNECT, HTTP, configuration
from bench.farm import Farm, addresses, farm
from harness.lab.namespace import command
from soak.full_histories import HANGING_PORT, TLS_PORT

INTERVAL: Final = 1
TIMEOUT: Final = 2
HTTPS: Final = 'service = https\n    request = "/"'
SILENT_PORT: Final = 8070
HTTP_VIRTUALS: Final = 5

CONFIGURATIONS: Final = 4
"""How many there are; each has other servers in place of CHANGING of the last one."""

CHANGING: Final = 20

_SILENT, _TLS, _HANGING, _CONNECTED = (0,), (1, 2), (3, 4), (5, 6, 7)
"""Which of twenty servers are of each kind (those that hang do so at times); the others answer HTTP."""

_REFUSAL: Final = """\
table inet refusal {{ chain input {{ type filter hook input priority 0
 tcp dport {port} reject with tcp reset
}}
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """The servers: how many, and who answers for them."""

    count: int
    well: Farm
    hanging: Farm

    def configuration(self, number: int) -> str:
        """Return one of the CONFIGURATIONS."""
        ports = self._ports()
        endpoints = [f"{address}:{ports[index % 20]}" for index, address in enumerate(self._addresses(number))]
        http = [each for index, each in enumerate(endpoints) if index % 20 not in _TLS + _CONNECTED]
        virtuals = {f"10.9.0.{each + 1}:80": http[each::HTTP_VIRTUALS] for each in range(HTTP_VIRTUALS)}
        groups: Sequence[tuple[str, Mapping[str, Sequence[str]]]] = (
            (HTTP, virtuals),
            (HTTPS, {"10.9.1.1:443": _chosen(endpoints, _TLS)}),
            (CONNECT, {"10.9.2.1:25": _chosen(endpoints, _CONNECTED)}),
        )
        return "".join(configuration(servers, words, INTERVAL, TIMEOUT) for words, servers in groups)

    def refuse(self) -> None:
        """Let the servers with HTTPS refuse connections."""
        command("nft", "-f", "-", given=_REFUSAL.format(port=self.well.tls_port))

    def accept(self) -> None:
        """Let them take connections again."""
        command("nft", "delete", "table", "inet", "refusal")

    def _ports(self) -> Mapping[int, int]:
        return {
            **dict.fromkeys(range(20), self.well.port),
            **dict.fromkeys(_TLS, self.well.tls_port),
            **dict.fromkeys(_HANGING, self.hanging.port),
            **dict.fromkeys(_SILENT, SILENT_PORT),
        }

    def _addresses(self, number: int) -> Sequence[object]:
        found = addresses(self.count + CONFIGURATIONS * CHANGING)
        stay, others = found[: self.count - CHANGING], found[self.count :]
        return [*stay, *others[number % CONFIGURATIONS * CHANGING :][:CHANGING]]


def _chosen(endpoints: Sequence[str], which: Sequence[int]) -> Sequence[str]:
    return [each for index, each in enumerate(endpoints) if index % 20 in which]


@contextmanager
def site(folder: Path, count: int) -> Iterator[Site]:
    """Yield so many servers, all on loopback."""
    with (
        farm(folder / "well", tls_port=TLS_PORT) as well,
        farm(folder / "hanging", HANGING_PORT, 8490) as hanging,
        socket.create_server(("", SILENT_PORT), backlog=65535),
    ):
        yield Site(count, well, hanging)

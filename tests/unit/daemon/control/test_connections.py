"""``connections`` over the socket of a whole daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.running_daemon import RunningDaemon, running_daemon
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.table import Destination, DestinationKey

HEAD = "checkinterval = 10\n"
WEB = "virtual = 192.0.2.1:80\n    real = 10.1.0.1:8080 gate 2\n    checktype = on\n"
OTHER = "virtual = 192.0.2.1:80\n    real = 10.1.0.2:80 masq\n    checktype = on\n"
DNS = "virtual = 192.0.2.2:53\n    real = 10.1.0.2:53 masq\n    protocol = udp\n    checktype = on\n"
ONE, NAME = "tcp:192.0.2.1:80/10.1.0.1:8080", "udp:192.0.2.2:53/10.1.0.2:53"


def keys(place: RunningDaemon) -> list[DestinationKey]:
    return [row.key for row in place.kernel.table.values() if isinstance(row, Destination)]


def kernel(weight: int, active: int) -> dict[str, int]:
    return {"weight": weight, "active": active, "inactive": 0, "persistent": 0}


async def counts(place: RunningDaemon, *servers: str) -> Any:
    place.daemon.control.context.usage._last = None
    answer = await place.ask("connections", servers=list(servers))
    return [each["kernel"] for each in answer["servers"]]


async def test_servers_of_the_configuration_and_others(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, HEAD + WEB + DNS) as place:
        place.kernel.connected = {keys(place)[0]: 3}
        found = await counts(place, NAME, ONE, "tcp:192.0.2.1:80/10.9.9.9:80", "nonsense")
        assert found == [kernel(1, 0), kernel(2, 3), None, None]


async def test_a_drained_server_that_left_the_file_is_counted_until_its_connections_end(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, HEAD + WEB) as place:
        [key] = keys(place)
        place.kernel.connected = {key: 3}
        await place.ask("drain", names=["*"])
        await place.daemon.director.reconcile()
        (tmp_path / "web.cf").write_text(HEAD + OTHER)
        await place.daemon.reloader.reload()
        assert await counts(place, ONE, "tcp:192.0.2.1:80/10.1.0.1:80") == [kernel(0, 3), kernel(0, 3)]


async def test_a_kernel_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, HEAD + WEB) as place:
        place.kernel.broken = KernelError("out of reach")
        answer = await place.ask("connections", servers=[ONE])
        assert (answer["error"], answer["servers"]) == ("out of reach", [{"server": ONE, "kernel": None}])


@pytest.mark.parametrize("servers", [[], ["x"] * 501])
async def test_servers_are_bounded(tmp_path: Path, servers: list[str]) -> None:
    async with running_daemon(tmp_path, HEAD + WEB) as place:
        answer = await place.ask("connections", servers=servers)
        assert answer["error"]["message"] == "servers has to have 1 to 500 servers"

"""F39: a director whose control group has little memory, or too little."""

from __future__ import annotations

import signal
import time

import pytest

from harness.lab.lab import VIP, Lab
from harness.lab.memory_group import memory_group
from harness.lab.namespace import end

WITHIN = 60.0
WEB = f"TCP {VIP}:80"
SPARE = 6 << 20
"""Bytes that are left to a director when it runs."""

RELOADS = 3


def configuration(servers: list[str], number: int) -> str:
    """Return a configuration with many dead servers, each time others."""
    dead = "".join(f"    real = 127.0.{number % 2}.{last}:9 masq\n" for last in range(1, 51))
    web = "".join(f"    real = {server} masq\n" for server in servers)
    return (
        "checkinterval = 1\nchecktimeout = 2\nnegotiatetimeout = 2\n"
        f'virtual = {VIP}:80\n    service = http\n    request = "health"\n    receive = "healthy"\n{web}{dead}'
    )


@pytest.mark.takes(40)
def test_F39_with_little_memory_checks_go_on_and_with_too_little_the_table_stays(lab: Lab) -> None:
    stays, leaves = lab.real("stays"), lab.real("leaves")
    servers = [f"{server.address}:80" for server in (stays, leaves)]
    director, up = lab.director, dict.fromkeys(servers, 1)
    with memory_group() as group:
        director.confinement = group.entering
        director.configure(configuration(servers, 0))
        director.start()
        director.wait(WEB, up, WITHIN)
        group.limit((used := group.used("anon") + group.used("kernel")) + SPARE)
        with lab.client.traffic(VIP, workers=1) as traffic:
            for number in range(1, RELOADS + 1):
                director.configure(configuration(servers, number))
                director.reload(WITHIN)
            leaves.fail_health()
            director.wait_in_time(WEB, {servers[0]: 1}, 1)
            out = time.monotonic()
            leaves.restore_health()
            director.wait_in_time(WEB, up, 1)
            traffic.wait(requests=10, within=WITHIN)
            assert group.events("oom_kill") == 0
            print(f"{used >> 10} kB when it ran, {group.used('anon') >> 10} kB after {RELOADS} reloads")
            group.limit(1 << 20)
            assert director.process.wait(WITHIN) == -signal.SIGKILL
            assert group.events("oom_kill") > 0
            assert director.weights()[WEB] == up
            group.limit(None)
            director.start()
            assert director.weights()[WEB] == up
            traffic.wait(requests=10, within=WITHIN)
            assert traffic.failures(since=out) == []
        end(director.process)

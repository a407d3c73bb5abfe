"""The arguments of fallbackcommands, and that those of one virtual keep their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import virtual
from ldirectord_py.config.model import Virtual
from ldirectord_py.ipvs.table import FirewallMark, Protocol
from ldirectord_py.report.commands.fallbackcommand import FallbackCommands, arguments_for
from ldirectord_py.report.events import KernelFound, Outage
from ldirectord_py.runtime.serial_queues import SerialQueues


@pytest.mark.parametrize(
    ("of", "began", "expected"),
    [
        (virtual("10.0.0.1:80"), True, ("start", "10.0.0.1:80", "tcp")),
        (virtual("10.0.0.1:53", protocol=Protocol.UDP), False, ("stop", "10.0.0.1:53", "udp")),
        (virtual("[2001:db8::1]:80"), True, ("start", "[2001:db8::1]:80", "tcp")),
        (Virtual(FirewallMark(7)), True, ("start", "7:0", "fwm")),
    ],
)
def test_the_arguments_name_change_and_virtual(of: Virtual, began: bool, expected: tuple[str, str, str]) -> None:
    assert expected == arguments_for(Outage(of, began=began))


async def test_those_of_one_virtual_run_in_order(tmp_path: Path) -> None:
    script = tmp_path / "record"
    script.write_text(f'#!/bin/sh\n[ "$1" = start ] && sleep 0.2\necho "$@" >> {tmp_path}/arguments\n')
    script.chmod(0o755)
    queues = SerialQueues()
    listener = FallbackCommands(queues)
    listener(KernelFound())
    listener(Outage(virtual("10.0.0.2:80"), began=True))  # has no command
    for began in (True, False):
        listener(Outage(virtual("10.0.0.1:80", fallbackcommand=str(script)), began=began))
    await queues.join()
    assert (tmp_path / "arguments").read_text().splitlines() == ["start 10.0.0.1:80 tcp", "stop 10.0.0.1:80 tcp"]

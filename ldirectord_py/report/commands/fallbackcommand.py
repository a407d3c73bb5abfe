"""``fallbackcommand``: runs when the last real server of a virtual goes down, and when one is up again."""

from __future__ import annotations

from dataclasses import dataclass

from ldirectord_py.address import endpoint
from ldirectord_py.ipvs.table import FirewallMark, VirtualAddress
from ldirectord_py.report.commands.command import run_command_line
from ldirectord_py.report.events import Event, Outage
from ldirectord_py.runtime.serial_queues import SerialQueues


@dataclass(frozen=True, slots=True)
class FallbackCommands:
    """A Listener: runs the commands of a virtual one after the other, in ``queues``."""

    queues: SerialQueues

    def __call__(self, event: Event) -> None:
        """Run the virtual's command, if it has one, when an outage begins or ends."""
        if isinstance(event, Outage) and event.virtual.fallbackcommand is not None:
            command = event.virtual.fallbackcommand
            self.queues.add(
                f"the fallbackcommand of {event.virtual.id}", lambda: run_command_line(command, *arguments_for(event))
            )


def arguments_for(event: Outage) -> tuple[str, str, str]:
    """Return the arguments: start or stop, the address and port of the virtual, its protocol."""
    word = "start" if event.began else "stop"
    match event.virtual.key:
        case FirewallMark(mark):
            return word, f"{mark}:0", "fwm"
        case VirtualAddress(protocol, address, port):
            return word, endpoint(address, port), protocol.name.lower()

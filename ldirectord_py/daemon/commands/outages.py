"""When the last real server of a virtual goes down, and when the first one is up again."""

from __future__ import annotations

from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.table import ServiceKey
from ldirectord_py.report.events import Checked, Event, Listener, Outage


class Outages:
    """A Listener of the director's events that tells of Outages, each once.

    Its state: the virtuals of which no real server is up, as far as that is told, with their fallbackcommands. One
    that comes into force without a server up, at the start too, begins with an outage; one whose command changes
    meanwhile is told of anew.
    """

    def __init__(self, director: Director, tell: Listener) -> None:
        self._director = director
        self._tell = tell
        self._out: dict[ServiceKey, str | None] = {}

    def __call__(self, event: Event) -> None:
        """Look at the virtual of a server that came up or went down."""
        if isinstance(event, Checked) and (event.transition.rose or event.transition.fell):
            self._review(event.virtual)

    def follow(self) -> None:
        """Look at every virtual in force: to be called after the start and after each reload."""
        virtuals = self._director.compiled.virtuals
        self._out = {
            key: command
            for key, command in self._out.items()
            if key in virtuals and virtuals[key].fallbackcommand == command
        }
        for virtual in virtuals.values():
            self._review(virtual)

    def _review(self, virtual: Virtual) -> None:
        out = self._director.health_table.all_down(virtual.key)
        if out == (virtual.key in self._out):
            return
        if out:
            self._out[virtual.key] = virtual.fallbackcommand
        else:
            del self._out[virtual.key]
        self._tell(Outage(virtual, began=out))

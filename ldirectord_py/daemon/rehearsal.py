"""Rehearses a start or a reload: the daemon's own director does it on a copy of the kernel's table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ldirectord_py.administration import Entries
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.model import Config, Virtual
from ldirectord_py.daemon.copied_kernel import copied_kernel
from ldirectord_py.daemon.maintenance.directory import MaintenanceDirectory
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.desired import virtual_rows
from ldirectord_py.ipvs.diff import diff
from ldirectord_py.ipvs.table import Table
from ldirectord_py.report.events import Listener


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A start or reload to rehearse on the table ``found``; ``publish`` gets the director's events.

    ``assume_up``: servers without a row are up, as after their checks have passed; else they are down until then.
    ``entries`` are the servers that operators have drained or disabled.
    """

    found: Table
    publish: Listener
    assume_up: bool = False
    entries: Entries = field(default_factory=dict)

    async def start(self, config: Config) -> Table:
        """Return the table after the start of a daemon."""
        copy = copied_kernel(self._assumed(config.virtuals), config.virtuals)
        director = Director(copy, compile_config(config, kinds()), [self.publish])
        director.set_administration(self.entries)
        await MaintenanceDirectory(director).start()
        await director.start()
        return copy.table

    async def reload(self, former: Config, config: Config) -> Table:
        """Return the table after a reload of the daemon that runs the configuration ``former``.

        A weight other than the one in ``former`` counts as set by hand, as it does for that daemon.
        """
        keys = {virtual.key for virtual in config.virtuals}
        held = self._assumed((*config.virtuals, *(each for each in former.virtuals if each.key in keys)))
        copy = copied_kernel(held, (*config.virtuals, *former.virtuals))
        listeners: list[Listener] = []
        director = Director(copy, compile_config(former, kinds()), listeners)
        director.set_administration(self.entries)
        maintenance = MaintenanceDirectory(director)
        await maintenance.start()
        await director.start()
        await copy.apply(diff(copy.table, held))
        listeners.append(self.publish)
        compiled = compile_config(config, kinds(), director.compiled)
        await maintenance.prepare(compiled)
        await director.reload(compiled)
        return copy.table

    def _assumed(self, virtuals: Iterable[Virtual]) -> Table:
        """Return the table as the director takes it over: with ``assume_up`` a row for each server that has none."""
        held = dict(self.found)
        for virtual in virtuals if self.assume_up else ():
            rows = virtual_rows(virtual)
            held.setdefault(virtual.key, rows.service)
            for key, slot in reversed([*rows.slots.items()]):  # as in a dump, which has the newest first
                if slot.reals:
                    held.setdefault(key, slot.reals[0].row_up)
        return held

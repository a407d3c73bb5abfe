"""The checks of the orders in force, under way within the limits of the configuration and of this host."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ldirectord_py.checks import command
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.table import checker_for, turn_for
from ldirectord_py.daemon.descriptors import at_once, raise_limit
from ldirectord_py.daemon.monitor import Monitor
from ldirectord_py.daemon.orders import Orders

logger = logging.getLogger(__name__)


class Probes:
    """Follows the checks of orders and reports every Result; its state is the monitor."""

    def __init__(self, report: Callable[[Check, Result], None]) -> None:
        self._descriptors = raise_limit()
        self._monitor = Monitor(report, checker_for, turn_for)

    def follow(self, orders: Orders) -> None:
        """Follow exactly the checks of these orders; those followed already go on undisturbed."""
        settings = orders.config.settings
        command.TURNS.limit = settings.maxexternal
        self._monitor.flight.limit = self._at_once(settings.maxchecks)
        self._monitor.follow(orders.plan)

    async def close(self) -> None:
        """End all probes."""
        await self._monitor.close()

    def _at_once(self, asked: int | None) -> int:
        limit = at_once(asked, self._descriptors)
        if asked is not None and limit < asked:
            logger.warning("Of maxchecks=%d only %d have room under the limit of open files; raise it", asked, limit)
        return limit

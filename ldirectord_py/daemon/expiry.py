"""``expire``: whether the kernel ends what clients have with servers that are gone or down."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, NoReturn

from ldirectord_py.config.model import Expire
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.report.events import ConfigInForce, Event, KernelFound
from ldirectord_py.runtime.incidents import OngoingFault
from ldirectord_py.runtime.waiting import wait_until_set

logger = logging.getLogger(__name__)

EXPIRY_RETRY_INTERVAL: Final = 30.0
"""Seconds after which a kernel that could not be set is tried again."""


class ExpirySetting:
    """Sets the kernel as ``expire`` says: with each configuration in force, and when the kernel is found again.

    A kernel that was lost may have loaded IPVS anew, with its defaults. Its state: what ``expire`` says, whether it is
    to be set, and why it cannot be.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._expire = Expire.LEAVE
        self._due = asyncio.Event()
        self._fault = OngoingFault()

    def __call__(self, event: Event) -> None:
        """Note that the kernel has to be set; the director calls this with each event."""
        match event:
            case ConfigInForce(config):
                self._expire = config.settings.expire
            case KernelFound():
                pass
            case _:
                return
        self._due.set()

    async def run(self) -> NoReturn:
        """Set the kernel whenever that is due, for ever; a failure is logged once, and tried again."""
        while True:
            await wait_until_set(self._due, EXPIRY_RETRY_INTERVAL if self._fault.reason else None)
            self._due.clear()
            if self._expire is Expire.LEAVE:
                self._fault.clear()
            else:
                await self._set(on=self._expire is Expire.YES)

    async def _set(self, *, on: bool) -> None:
        try:
            changed = await self._kernel.set_expiry(on=on)
        except KernelError as error:
            if self._fault.record(reason := f"expire={self._expire} has no effect: {error}"):
                logger.error("%s", reason)
            return
        for name in changed:
            logger.info("Set %s=%d, as expire=%s says", name, on, self._expire)
        if self._fault.clear():
            logger.info("expire=%s has effect now", self._expire)

"""``expire``: whether the kernel ends what clients have with servers that are gone or down."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from ldirectord_py.config.model import Expire
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.report.events import ConfigInForce, Event, KernelFound
from ldirectord_py.runtime.incidents import OngoingFault

logger = logging.getLogger(__name__)


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
        """Set the kernel whenever that is due, for ever; a failure is logged once."""
        while True:
            await self._due.wait()
            self._due.clear()
            if self._expire is not Expire.LEAVE:
                await self._set(on=self._expire is Expire.YES)

    async def _set(self, *, on: bool) -> None:
        try:
            for name in await self._kernel.set_expiry(on=on):
                logger.info("Set %s=%d, as expire=%s says", name, on, self._expire)
        except KernelError as error:
            if self._fault.record(reason := f"expire={self._expire} has no effect: {error}"):
                logger.error("%s", reason)
        else:
            self._fault.clear()

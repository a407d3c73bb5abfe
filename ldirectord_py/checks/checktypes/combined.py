"""A numeric checktype N: one negotiation after N connects that passed."""

from __future__ import annotations

from ldirectord_py.checks.base import Checker, Target
from ldirectord_py.checks.deadline import fail_after


class Combined:
    """The checker of one check. Its state: how many connects have passed since the last negotiation.

    It starts with a negotiation, repeats it until it passes, and returns to it after a connect that failed.
    """

    def __init__(self, negotiate: Checker, connect: Checker, connects: int, connect_timeout: float) -> None:
        self._negotiate = negotiate
        self._connect = connect
        self._connects = connects
        self._timeout = connect_timeout
        self._passed = connects

    async def __call__(self, target: Target) -> str:
        """Negotiate or connect; return the word of that check."""
        if self._passed >= self._connects:
            word = await self._negotiate(target)
            self._passed = 0
            return word
        passed, self._passed = self._passed, self._connects
        word = await fail_after(self._timeout, self._connect(target))
        self._passed = passed + 1
        return word

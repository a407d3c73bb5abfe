"""Running something again whenever it ends: at once if it ran for a while, else after a delay that doubles."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from ldirectord_py.runtime.backoff import Backoff

STABLE_TIME: Final = 10.0
"""Seconds; what ran longer is run again without a delay."""

MIN_DELAY: Final = 0.5
MAX_DELAY: Final = 30.0
"""Seconds until what ran for less than STABLE_TIME is run again; the delay doubles each time."""


async def run_again_and_again(run_once: Callable[[], Awaitable[str]], report: Callable[[str, str], None]) -> NoReturn:
    """Run it for ever; ``report`` gets why it ended, and when it is run again: `` in 2 s``, "" for at once."""
    clock, backoff = asyncio.get_running_loop().time, Backoff(MIN_DELAY, MAX_DELAY)
    while True:
        started = clock()
        reason = await run_once()
        delay = 0.0
        if clock() - started > STABLE_TIME:
            backoff.reset()
        else:
            delay = backoff.next_delay()
        report(reason, f" in {delay:g} s" if delay else "")
        await asyncio.sleep(delay)

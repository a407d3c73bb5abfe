"""Every test of the unit tier that has a loop runs on the standard library's and on uvloop, as users may run either.

Where no code of ours calls the loop itself, `make unit` has them on uvloop only, as the daemon is: the other run is
marked ``second_loop``, except in BOTH_LOOPS. `make test` and `make matrix` have both.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

BOTH_LOOPS = (
    *("checks/checktypes/test_ping", "checks/services/test_dns", "checks/services/test_mysql"),
    *("checks/services/test_pgsql", "checks/test_probe", "checks/transport", "control", "daemon/test_run"),
    *("daemon/workers", "runtime", "web/test_app", "web/test_feed"),
)
"""How the paths of tests begin that `make unit` runs on both loops: their modules call functions of the loop."""

UNIT = Path(__file__).parent


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run each of these tests on the loop of the standard library and on uvloop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests on the loop of the standard library as ``second_loop``, except those of BOTH_LOOPS."""
    for item in items:
        loop = item.callspec.id.split("-")[0] if hasattr(item, "callspec") else ""
        if loop == "asyncio" and not str(item.path.relative_to(UNIT)).startswith(BOTH_LOOPS):
            item.add_marker(pytest.mark.second_loop)


@pytest.fixture(autouse=True)
def _signals_are_delivered_as_before() -> Iterator[None]:
    """A daemon that ends in this process holds all signals, and so would each process that a later test starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""An outage of a virtual is published once when it begins and once when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from builders import KINDS, config, down, up, virtual
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows
from ldirectord_py.report.events import Event, Outage

WEB = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")
SHOP = virtual("10.0.0.2:80", "10.1.0.1:80")


class Site:
    """A director on a kernel in memory, and the outages that it publishes."""

    def __init__(self, kernel: MemoryKernel, *virtuals: Virtual) -> None:
        self.kernel = kernel
        self.on_outage: Callable[[Outage], object] = lambda outage: None
        self.director = Director(kernel, compile_config(config(*virtuals), KINDS), [self._listen])
        self._outages: list[str] = []

    def _listen(self, event: Event) -> None:
        if isinstance(event, Outage):
            self.on_outage(event)
            self._outages.append(f"{'start' if event.began else 'stop'} {event.virtual.id}")

    def outages(self) -> list[str]:
        """Return the outages since the last call."""
        outages, self._outages = self._outages, []
        return outages

    def check(self, result: Result, *addresses: str) -> list[str]:
        """Hand in the results of the checks of these addresses, of all without any; return the outages."""
        for check in self.director.compiled.plan:
            if not addresses or str(check.target.address) in addresses:
                self.director.observe(check, result)
        return self.outages()

    async def reload(self, *virtuals: Virtual) -> list[str]:
        await self.director.reload(compile_config(config(*virtuals), KINDS))
        return self.outages()


async def started(*virtuals: Virtual, kernel: MemoryKernel | None = None) -> Site:
    site = Site(kernel or MemoryKernel(), *virtuals)
    await site.director.start()
    return site


async def test_it_begins_with_the_last_server_and_ends_with_the_first() -> None:
    site = await started(WEB)
    assert site.outages() == ["start tcp:10.0.0.1:80"]
    assert site.check(down()) == []
    assert site.check(up(), "10.1.0.1") == ["stop tcp:10.0.0.1:80"]
    assert site.check(up(), "10.1.0.2") == []
    assert site.check(down(), "10.1.0.1") == []
    assert site.check(down(), "10.1.0.2") == ["start tcp:10.0.0.1:80"]
    assert site.check(down()) == []


async def test_a_restart_over_servers_that_are_up_publishes_nothing() -> None:
    first = await started(WEB)
    first.check(up())
    await first.director.reconcile()
    second = await started(WEB, kernel=first.kernel)
    assert (second.outages(), second.check(up())) == ([], [])


async def test_a_reload_publishes_only_changes() -> None:
    site = await started(WEB)
    site.check(up())
    site.outages()
    assert await site.reload(WEB, SHOP) == []  # its server is known to be up
    site.check(down())
    assert await site.reload(WEB, SHOP) == []
    assert await site.reload(WEB) == []
    assert await site.reload(WEB, SHOP) == ["start tcp:10.0.0.2:80"]


async def test_an_outage_begins_anew_for_another_command() -> None:
    site = await started(WEB)
    assert site.outages() == ["start tcp:10.0.0.1:80"]
    other = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", fallbackcommand="/sorry")
    assert await site.reload(other) == ["start tcp:10.0.0.1:80"]
    assert await site.reload(other) == []
    assert site.check(up()) == ["stop tcp:10.0.0.1:80"]


async def test_maintenance_of_all_servers_is_an_outage() -> None:
    site = await started(WEB)
    site.check(up())
    site.outages()
    site.director.set_maintenance(site.director.health.keys())
    assert site.outages() == ["start tcp:10.0.0.1:80"]
    site.director.set_maintenance(frozenset())
    assert site.outages() == ["stop tcp:10.0.0.1:80"]


async def test_a_virtual_without_servers_is_out() -> None:
    site = await started(virtual("10.0.0.1:80"))
    assert site.outages() == ["start tcp:10.0.0.1:80"]


async def test_an_outage_of_a_reload_is_published_once_its_rows_are_written() -> None:
    site = await started(WEB)
    site.on_outage = lambda outage: written.append(outage.virtual.key in site.kernel.table)
    written: list[bool] = []
    await site.reload(WEB, SHOP)
    assert written == [True]


class SlowKernel(MemoryKernel):
    """Calls ``meanwhile`` while it writes."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        if self.meanwhile is not None:
            self.meanwhile()
        return await super().apply(ops, encoded)


@pytest.mark.parametrize(
    ("results", "outages"),
    [([up()], []), ([down()], ["start"]), ([up(), down()], ["start"]), ([up(), down(), up()], ["start", "stop"])],
)
async def test_results_while_a_reload_is_written_keep_outages_in_step(
    results: list[Result], outages: list[str]
) -> None:
    kernel = SlowKernel()
    site = await started(WEB, kernel=kernel)
    site.check(up())
    site.outages()

    def meanwhile() -> None:
        kernel.meanwhile = None
        for check, servers in site.director.compiled.plan.items():
            for result in results:
                if any(server.virtual.id == "tcp:10.0.0.3:80" for server in servers):
                    site.director.observe(check, result)

    kernel.meanwhile = meanwhile
    assert await site.reload(WEB, virtual("10.0.0.3:80", "10.1.0.3:80")) == [
        f"{each} tcp:10.0.0.3:80" for each in outages
    ]

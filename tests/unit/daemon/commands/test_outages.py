"""An outage of a virtual is told once when it begins and once when it ends."""

from __future__ import annotations

from builders import KINDS, config, down, up, virtual
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.commands.outages import Outages
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.report.events import Event, Listener, Outage

WEB = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")
SHOP = virtual("10.0.0.2:80", "10.1.0.1:80")


class Site:
    """A director on a kernel in memory, and the outages that are told."""

    def __init__(self, kernel: MemoryKernel, *virtuals: Virtual) -> None:
        listeners: list[Listener] = []
        self.kernel = kernel
        self.director = Director(kernel, compile_config(config(*virtuals), KINDS), listeners)
        self.outages = Outages(self.director, self._note)
        self._told: list[str] = []
        listeners.append(self.outages)

    def _note(self, event: Event) -> None:
        assert isinstance(event, Outage)
        self._told.append(f"{'start' if event.began else 'stop'} {event.virtual.id}")

    def told(self) -> list[str]:
        """Return what was told since the last time."""
        told, self._told = self._told, []
        return told

    def check(self, result: Result, *addresses: str) -> list[str]:
        """Hand in the results of the checks of these addresses, of all without any; return what is told."""
        for check in self.director.compiled.plan:
            if not addresses or str(check.target.address) in addresses:
                self.director.observe(check, result)
        return self.told()

    async def reload(self, *virtuals: Virtual) -> list[str]:
        await self.director.reload(compile_config(config(*virtuals), KINDS))
        self.outages.follow()
        return self.told()


async def started(*virtuals: Virtual, kernel: MemoryKernel | None = None) -> Site:
    site = Site(kernel or MemoryKernel(), *virtuals)
    await site.director.start()
    site.outages.follow()
    return site


async def test_it_begins_with_the_last_server_and_ends_with_the_first() -> None:
    site = await started(WEB)
    assert site.told() == ["start tcp:10.0.0.1:80"]
    assert site.check(down()) == []
    assert site.check(up(), "10.1.0.1") == ["stop tcp:10.0.0.1:80"]
    assert site.check(up(), "10.1.0.2") == []
    assert site.check(down(), "10.1.0.1") == []
    assert site.check(down(), "10.1.0.2") == ["start tcp:10.0.0.1:80"]
    assert site.check(down()) == []


async def test_a_restart_over_servers_that_are_up_tells_nothing() -> None:
    first = await started(WEB)
    first.check(up())
    await first.director.reconcile()
    second = await started(WEB, kernel=first.kernel)
    assert (second.told(), second.check(up())) == ([], [])


async def test_a_reload_tells_only_what_changes() -> None:
    site = await started(WEB)
    site.check(up())
    site.told()
    assert await site.reload(WEB, SHOP) == []  # its server is known to be up
    site.check(down())
    assert await site.reload(WEB, SHOP) == []
    assert await site.reload(WEB) == []
    assert await site.reload(WEB, SHOP) == ["start tcp:10.0.0.2:80"]


async def test_a_command_that_comes_in_an_outage_is_told_of_it() -> None:
    site = await started(WEB)
    assert site.told() == ["start tcp:10.0.0.1:80"]
    told = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", fallbackcommand="/sorry")
    assert await site.reload(told) == ["start tcp:10.0.0.1:80"]
    assert await site.reload(told) == []
    assert site.check(up()) == ["stop tcp:10.0.0.1:80"]


async def test_maintenance_of_all_servers_is_an_outage() -> None:
    site = await started(WEB)
    site.check(up())
    site.told()
    site.director.maintain(site.director.health.keys())
    assert site.told() == ["start tcp:10.0.0.1:80"]
    site.director.maintain(frozenset())
    assert site.told() == ["stop tcp:10.0.0.1:80"]


async def test_a_virtual_without_servers_is_out() -> None:
    site = await started(virtual("10.0.0.1:80"))
    assert site.told() == ["start tcp:10.0.0.1:80"]

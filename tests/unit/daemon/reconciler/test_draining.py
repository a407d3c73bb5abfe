"""A server that moves leaves its old address behind at weight 0, in quiescent virtuals, for as long as that is used."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from builders import KINDS, config, fallback, real, service_key, virtual
from ldirectord_py.config.model import CheckType, Virtual
from ldirectord_py.daemon.reconciler import draining
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.reconciler.draining import COUNT_INTERVAL, MAX_MOVED_TIME
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Table
from ldirectord_py.report.events import Event
from ldirectord_py.report.wording import line

WEB = "10.0.0.1:80"
OLD, NEW, PLAIN = "10.1.0.1:80", "10.1.0.7:80", "10.1.0.9:80"


def web(*addresses: str, **directives: Any) -> Virtual:
    """Return a virtual of servers that are always up: web1, web2, ... by these addresses, and one without a name."""
    named = (real(address, name=f"web{number}") for number, address in enumerate(addresses, 1))
    return virtual(WEB, *named, PLAIN, **{"checktype": CheckType.ON, "quiescent": True, **directives})


def key(address: str) -> DestinationKey:
    found = real(address)
    return DestinationKey(service_key(WEB), found.server, found.port)


class Site:
    """A director on a kernel in memory, the clock of its draining, and the lines that it logs."""

    def __init__(self, site: Virtual, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.kernel = MemoryKernel()
        self.settings = settings
        self.lines: list[str] = []
        self.seconds = 0.0
        self.director = Director(self.kernel, compile_config(config(site, **settings), KINDS), [self._listen])
        self._began = asyncio.get_running_loop().time()
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self._began + self.seconds)

    def _listen(self, event: Event) -> None:
        if (text := line(event)) is not None:
            self.lines.append(text)

    async def move(self, site: Virtual) -> dict[str, int]:
        self.lines.clear()
        await self.director.reload(compile_config(config(site, **self.settings), KINDS))
        return self.weights

    async def after(self, seconds: float) -> dict[str, int]:
        """Let time pass, and what is due be done."""
        self.lines.clear()
        self.seconds += seconds
        await self.director.reconcile()
        return self.weights

    @property
    def weights(self) -> dict[str, int]:
        rows = (row for row in self.kernel.table.values() if isinstance(row, Destination))
        return {f"{row.key.address}:{row.key.port}": row.weight for row in rows}


async def started(monkeypatch: pytest.MonkeyPatch, site: Virtual, **settings: Any) -> Site:
    running = Site(site, monkeypatch, **settings)
    await running.director.start()
    return running


async def test_it_stays_at_weight_0_until_its_connections_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD))
    site.kernel.connected[key(OLD)] = 3
    assert await site.move(web(NEW)) == {OLD: 0, NEW: 1, PLAIN: 1}
    assert site.lines == [
        "Added real server: 10.1.0.7:80 (10.0.0.1:80) (Weight set to 1)",
        "Quiescent real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 0)",
    ]
    assert await site.after(COUNT_INTERVAL) == {OLD: 0, NEW: 1, PLAIN: 1}
    assert site.lines == []
    site.kernel.connected[key(OLD)] = 0
    assert await site.after(COUNT_INTERVAL - 1) == {OLD: 0, NEW: 1, PLAIN: 1}
    assert await site.after(1) == {NEW: 1, PLAIN: 1}
    assert site.lines == ["Purged real server (run): 10.1.0.1:80 (10.0.0.1:80)"]


@pytest.mark.parametrize(("persistent", "seconds"), [(None, MAX_MOVED_TIME), (60, MAX_MOVED_TIME), (3600, 3600)])
async def test_it_goes_with_its_connections_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch, persistent: int | None, seconds: float
) -> None:
    site = await started(monkeypatch, web(OLD, persistent=persistent))
    site.kernel.connected[key(OLD)] = 1
    await site.move(web(NEW, persistent=persistent))
    assert OLD in await site.after(seconds - 1)
    assert OLD not in await site.after(COUNT_INTERVAL)


@pytest.mark.parametrize("after", [web(NEW, quiescent=False), web(PLAIN), web()])
async def test_others_go_at_once(monkeypatch: pytest.MonkeyPatch, after: Virtual) -> None:
    site = await started(monkeypatch, web(OLD, quiescent=after.quiescent))
    site.kernel.connected[key(OLD)] = 1
    if after.reals == web(PLAIN).reals:
        after = virtual(WEB, PLAIN, checktype=CheckType.ON, quiescent=True)
    assert OLD not in await site.move(after)


async def test_it_is_drained_also_where_nothing_is_reconciled(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD), reconcile=None)
    await site.move(web(NEW))
    assert await site.after(COUNT_INTERVAL) == {NEW: 1, PLAIN: 1}


async def test_further_reloads_leave_it_but_for_one_that_makes_the_virtual_not_quiescent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = await started(monkeypatch, web(OLD))
    site.kernel.connected[key(OLD)] = 1
    await site.move(web(NEW))
    assert await site.move(web(NEW, scheduler="rr")) == {OLD: 0, NEW: 1, PLAIN: 1}
    assert await site.move(web(NEW, quiescent=False)) == {NEW: 1, PLAIN: 1}


async def test_a_server_that_moves_back_has_its_row_again(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD))
    site.kernel.connected = {key(OLD): 1, key(NEW): 1}
    await site.move(web(NEW))
    assert await site.move(web(OLD)) == {OLD: 1, NEW: 0, PLAIN: 1}
    site.kernel.connected = {}
    assert await site.after(COUNT_INTERVAL) == {OLD: 1, PLAIN: 1}


async def test_an_address_that_became_the_fallback_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD))
    assert await site.move(web(NEW, fallback=fallback(OLD))) == {NEW: 1, PLAIN: 1}


async def test_what_others_do_to_it_is_undone_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD))
    site.kernel.connected[key(OLD)] = 1
    await site.move(web(NEW))
    await site.kernel.apply([Op(Verb.EDIT, Destination(key(OLD), ForwardMethod.MASQUERADE, 5))])
    site.lines.clear()
    await site.director.reconcile(resync=True)
    assert (site.weights[OLD], [each for each in site.lines if "Somebody" in each]) == (0, [])


@pytest.mark.parametrize("reconcile", [10, None])
async def test_a_row_that_somebody_removed_is_let_go_without_a_word(
    monkeypatch: pytest.MonkeyPatch, reconcile: int | None
) -> None:
    site = await started(monkeypatch, web(OLD), reconcile=reconcile)
    site.kernel.connected[key(OLD)] = 1
    await site.move(web(NEW))
    await site.kernel.apply([Op(Verb.DELETE, site.kernel.table[key(OLD)])])
    site.kernel.written.clear()
    assert (await site.after(COUNT_INTERVAL), site.lines, site.kernel.written) == ({NEW: 1, PLAIN: 1}, [], [])
    assert (await site.after(COUNT_INTERVAL), site.lines, site.kernel.written) == ({NEW: 1, PLAIN: 1}, [], [])


@pytest.mark.parametrize("seconds", [COUNT_INTERVAL, MAX_MOVED_TIME])
async def test_it_comes_back_with_a_service_that_somebody_removed(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    site = await started(monkeypatch, web(OLD), reconcile=None)
    site.kernel.connected[key(OLD)] = 1
    await site.move(web(NEW))
    await site.kernel.apply([Op(Verb.DELETE, site.kernel.table[service_key(WEB)])])
    assert await site.after(seconds) == {OLD: 0, NEW: 1, PLAIN: 1}
    assert site.lines[0] == "Somebody removed virtual server: 10.0.0.1:80, adding it again"
    assert not [each for each in site.lines if "refused" in each]


async def test_a_removed_virtual_removes_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD))
    site.kernel.connected[key(OLD)] = 1
    await site.move(web(NEW))
    assert await site.move(virtual("10.0.0.2:80", PLAIN)) == {}
    assert await site.after(COUNT_INTERVAL) == {}


async def test_a_stop_removes_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD))
    await site.move(web(NEW))
    await site.director.stop()
    assert dict(site.kernel.table) == {}


async def test_a_kernel_that_fails_keeps_it_and_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    site = await started(monkeypatch, web(OLD))
    await site.move(web(NEW))
    site.kernel.broken = KernelError("gone")
    assert OLD in await site.after(COUNT_INTERVAL)
    assert OLD in await site.after(COUNT_INTERVAL)
    site.kernel.broken = None
    assert await site.after(COUNT_INTERVAL) == {NEW: 1, PLAIN: 1}


class Counting(MemoryKernel):
    """A kernel that counts how often it is read."""

    reads = 0

    async def read(self) -> Table:
        self.reads += 1
        return await super().read()


async def test_a_kernel_that_fails_is_not_asked_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "COUNT_INTERVAL", 0.01)
    director = Director(kernel := Counting(), compile_config(config(web(OLD), reconcile=None), KINDS))
    await director.start()
    await director.reload(compile_config(config(web(NEW), reconcile=None), KINDS))
    kernel.broken, kernel.reads = KernelError("gone"), 0
    running = asyncio.create_task(director.run())
    await asyncio.sleep(0.3)
    assert kernel.reads <= 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_director_wakes_up_for_it_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "COUNT_INTERVAL", 0.05)
    director = Director(kernel := MemoryKernel(), compile_config(config(web(OLD), reconcile=None), KINDS))
    await director.start()
    running = asyncio.create_task(director.run())
    await director.reload(compile_config(config(web(NEW), reconcile=None), KINDS))
    async with asyncio.timeout(20):
        while key(OLD) in kernel.table:
            await asyncio.sleep(0.01)
    await director.stop()
    await running

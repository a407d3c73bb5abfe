"""The director on a kernel in memory: how it starts, stops, and runs by itself."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from builders import KINDS, config, down, fallback, service_key, up, virtual
from harness.director_site import FOREIGN, QUIET, TWO, WEB, Site, destination, started
from ldirectord_py.checks.base import Result
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows, Service
from ldirectord_py.report.events import Checked, ConfigInForce, Event, Phase


async def test_a_server_enters_after_its_first_success() -> None:
    site = await started(TWO)
    assert site.weights == {"127.0.0.1:80": 1}
    await site.check(up(), "10.1.0.1")
    assert site.weights == {"10.1.0.1:80": 1}
    assert site.lines == [
        "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: ok",
        "Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)",
        "Deleted fallback server: 127.0.0.1:80 (10.0.0.1:80)",
    ]


async def test_the_first_verdict_on_a_server_has_the_phase_that_brought_it() -> None:
    site = await started(TWO)
    told: list[Event] = []
    site.director._listeners = [told.append]

    async def phases(result: Result) -> list[Phase]:
        told.clear()
        await site.check(result)
        return [event.phase for event in told if isinstance(event, Checked)]

    assert await phases(up()) == [Phase.START, Phase.START]
    assert await phases(down()) == [Phase.RUN, Phase.RUN]
    await site.reload(TWO, virtual("10.0.0.2:80", "10.1.0.3:80"))
    assert await phases(up()) == [Phase.RUN, Phase.RUN, Phase.RELOAD]


async def test_a_start_and_a_reload_end_with_the_configuration_in_force() -> None:
    told: list[Event] = []
    director = Director(MemoryKernel(), compile_config(first := config(TWO), KINDS), [told.append])
    await director.start()
    assert told[-1] == ConfigInForce(first)
    await director.reload(compile_config(second := config(QUIET), KINDS))
    assert told[-1] == ConfigInForce(second)


async def test_servers_that_panic_keeps_in_do_not_count_as_up() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", panic=100))
    await site.check(up())
    assert site.director.summary == "1 virtual server, 2 of 2 real servers up"
    await site.check(down())
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    assert site.director.summary == "1 virtual server, 0 of 2 real servers up"


async def test_a_quiescent_server_waits_for_its_first_success_with_weight_0() -> None:
    site = await started(QUIET)
    assert site.weights == {"10.1.0.1:80": 0, "10.1.0.2:80": 0}
    await site.check(up())
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    await site.check(down(), "10.1.0.2")
    assert site.lines == [
        "Real server 10.1.0.2:80 (tcp:10.0.0.1:80) is down: connect refused",
        "Quiescent real server: 10.1.0.2:80 (10.0.0.1:80) (Weight set to 0)",
    ]
    await site.check(up(), "10.1.0.2")
    assert site.lines[1:] == ["Restored real server: 10.1.0.2:80 (10.0.0.1:80) (Weight set to 1)"]


async def test_a_start_takes_over_what_the_kernel_has_without_a_write() -> None:
    before = await started(QUIET)
    await before.check(up())
    after = Site(before.kernel, config(QUIET))
    before.kernel.written.clear()
    await after.director.start()
    await after.check(up())
    assert (after.kernel.written, after.lines) == ([], [])


async def test_a_start_purges_what_the_configuration_does_not_name_and_no_foreign_service() -> None:
    ours = Service(service_key(WEB), "wrr")
    kernel = (ours, destination(WEB, "10.1.0.9:80"), destination(WEB, "10.1.0.1:80", 5))
    site = await started(TWO, kernel=kernel)
    assert site.weights == {"10.1.0.1:80": 1}
    assert FOREIGN.key in site.kernel.table
    assert sorted(site.lines) == [
        "Purged real server (start): 10.1.0.9:80 (10.0.0.1:80)",
        "Restored real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)",
    ]


async def test_a_stop_leaves_foreign_services_and_nothing_of_ours() -> None:
    site = await started(TWO, virtual(3, "10.1.0.1:80"))
    await site.check(up())
    site.lines.clear()
    await site.director.stop()
    assert list(site.kernel.table) == [FOREIGN.key]
    assert site.lines == [
        "Purged real server (stop): 10.1.0.2:80 (10.0.0.1:80)",
        "Purged real server (stop): 10.1.0.1:80 (10.0.0.1:80)",
        "Purged virtual server (stop): 10.0.0.1:80",
        "Purged real server (stop): 10.1.0.1:80 (3)",
        "Purged virtual server (stop): 3",
    ]


async def test_a_stop_leaves_a_virtual_with_cleanstop_no() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", cleanstop=False), virtual("10.0.0.2:80", "10.1.0.2:80"))
    await site.check(up())
    await site.director.stop()
    assert site.weights == {"10.1.0.1:80": 1}


async def test_nothing_is_written_after_a_stop() -> None:
    site = await started(TWO)
    await site.director.stop()
    await site.check(up())
    await site.reload(TWO)
    assert list(site.kernel.table) == [FOREIGN.key]


class WatchedKernel(MemoryKernel):
    """Calls ``meanwhile`` while it writes."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        self.meanwhile()
        return await super().apply(ops, encoded)


async def test_a_write_is_due_while_rows_are_written_or_changed_or_the_table_is_to_be_read(clock: list[float]) -> None:
    kernel = WatchedKernel()
    site = Site(kernel, config(TWO, reconcile=60))
    due = [site.director.is_write_due]
    kernel.meanwhile = lambda: due.append(site.director.is_write_due)
    await site.director.start()
    due.append(site.director.is_write_due)
    clock[0] += 60
    due.append(site.director.is_write_due)
    await site.director.reconcile()
    due.append(site.director.is_write_due)
    site.director.observe(next(iter(site.director.compiled.plan)), up())
    due.append(site.director.is_write_due)
    assert due == [False, True, False, True, False, True]


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[None]:
    task = asyncio.create_task(site.director.run())
    try:
        yield
    finally:
        await site.director.stop()
        await asyncio.wait_for(task, 5)


async def until(site: Site, weights: dict[str, int]) -> None:
    async with asyncio.timeout(5):
        while site.weights != weights:
            await asyncio.sleep(0.005)


async def test_a_result_wakes_the_loop() -> None:
    site = await started(TWO, reconcile=None)
    async with running(site):
        for check in site.director.compiled.plan:
            site.director.observe(check, up())
        await until(site, {"10.1.0.1:80": 1, "10.1.0.2:80": 1})


async def test_the_loop_repairs_by_itself_within_the_reconcile_period() -> None:
    site = await started(TWO, reconcile=0.05)
    async with running(site):
        await site.kernel.apply([Op(Verb.DELETE, Service(service_key(WEB), "wrr"))])
        await until(site, {"127.0.0.1:80": 1})


@pytest.mark.slow
async def test_the_loop_retries_what_was_refused_although_reconcile_is_off() -> None:
    site = Site(MemoryKernel([FOREIGN]), config(TWO, reconcile=None))
    site.kernel.refusing[service_key(WEB)] = errno.ENOENT
    await site.director.start()
    async with running(site):
        site.kernel.refusing.clear()
        await until(site, {"127.0.0.1:80": 1})


async def test_a_reload_changes_when_the_loop_reads_the_table() -> None:
    site = await started(TWO, reconcile=None)
    async with running(site):
        await asyncio.sleep(0)
        await site.reload(TWO, reconcile=0.05)
        await site.kernel.apply([Op(Verb.DELETE, Service(service_key(WEB), "wrr"))])
        await until(site, {"127.0.0.1:80": 1})


async def test_the_loop_writes_what_a_reload_could_not_although_reconcile_is_off() -> None:
    site = await started(TWO, reconcile=None)
    async with running(site):
        await asyncio.sleep(0)
        site.kernel.broken = KernelError("ip_vs is gone")
        await site.reload(virtual(WEB, "10.1.0.1:80", fallback=fallback("127.0.0.2:80")), reconcile=None)
        site.kernel.broken = None
        await until(site, {"127.0.0.2:80": 1})

"""What results of checks do to the health of the servers, and so to the table."""

from __future__ import annotations

import asyncio

import pytest

from builders import KINDS, config, down, service_key, unjudged, up, virtual
from harness.director_site import TWO, WEB, destination, started
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, Service
from ldirectord_py.report.events import Event, Listener
from ldirectord_py.runtime import incidents


async def test_the_fallback_follows_the_last_server() -> None:
    site = await started(TWO)
    await site.check(up())
    await site.check(down(), "10.1.0.1")
    assert site.weights == {"10.1.0.2:80": 1}
    await site.check(down("no answer within 3 s"), "10.1.0.2")
    assert site.weights == {"127.0.0.1:80": 1}
    assert site.lines == [
        "Real server 10.1.0.2:80 (tcp:10.0.0.1:80) is down: no answer within 3 s",
        "Added fallback server: 127.0.0.1:80 (10.0.0.1:80) (Weight set to 1)",
        "Deleted real server: 10.1.0.2:80 (10.0.0.1:80)",
    ]


async def test_failurecount_failures_in_a_row_take_a_server_out() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", failurecount=3))
    await site.check(up())
    await site.check(down())
    assert site.lines == ["Soft failure real server: 10.1.0.1:80 (tcp:10.0.0.1:80) failure 1/3: connect refused"]
    await site.check(up())
    assert site.lines == ["Resetting soft failure count: 10.1.0.1:80 (tcp:10.0.0.1:80)"]
    for _ in range(3):
        assert site.weights == {"10.1.0.1:80": 1}
        await site.check(down())
    assert site.weights == {}


async def test_successcount_successes_in_a_row_bring_a_server_in() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", successcount=3))
    for result in (up(), up(), down(), up(), up()):
        await site.check(result)
        assert site.weights == {}
    await site.check(up("200 OK"))
    assert site.weights == {"10.1.0.1:80": 1}
    assert site.lines[0] == "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is up: 200 OK"


async def test_no_change_writes_nothing() -> None:
    site = await started(TWO)
    await site.check(up())
    await site.check(up())
    await site.somebody()
    assert (site.kernel.written, site.lines) == ([], [])


async def test_a_fault_of_this_host_is_logged_once_and_changes_nothing() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"))
    await site.check(up())
    await site.check(unjudged())
    assert site.lines == [
        "Check http of 10.1.0.1:80 says nothing, the fault is on this host: too many open files",
    ]
    await site.check(unjudged())
    assert (site.lines, site.weights) == ([], {"10.1.0.1:80": 1})


@pytest.mark.parametrize("gone", [False, True])
async def test_the_end_of_a_fault_of_this_host_is_logged_once_with_the_number_of_checks(
    monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    monkeypatch.setattr(incidents, "QUIET_TIME", 0.0)
    monkeypatch.setattr(incidents, "REVIEW_INTERVAL", 0.001)
    site = await started(TWO)
    for _ in range(3):
        await site.check(unjudged())
    site.lines.clear()
    if gone:
        await site.reload(virtual(WEB, "10.1.0.3:80"))
    else:
        await site.check(up())
    async with asyncio.timeout(20):
        while not any(line.startswith("Checks judge again") for line in site.lines):
            await asyncio.sleep(0.001)
    over = "Checks judge again, a fault of this host is over: too many open files"
    assert site.lines[-1] == f"{over}; 5 checks of 2 servers said nothing since the last such line"


async def test_a_listener_that_fails_does_not_keep_the_kernel_from_following() -> None:
    def fail(_: Event) -> None:
        raise RuntimeError("the log is broken")

    kernel = MemoryKernel([Service(service_key(WEB), "wrr"), destination(WEB, "10.1.0.1:80")])
    listeners: list[Listener] = []
    director = Director(kernel, compile_config(config(virtual(WEB, "10.1.0.1:80")), KINDS), listeners)
    await director.start()
    listeners.append(fail)
    (check,) = director.compiled.plan
    with pytest.raises(RuntimeError):
        director.observe(check, down())
    with pytest.raises(RuntimeError):
        await director.reconcile()
    assert list(kernel.table) == [service_key(WEB)]


async def test_a_shared_server_changes_in_all_its_virtuals() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"), virtual("10.0.0.2:80", "10.1.0.1:80"))
    await site.check(up())
    assert [op.row.key.service for op in site.kernel.written if isinstance(op.row, Destination)] == [
        service_key(WEB),
        service_key("10.0.0.2:80"),
    ]

"""The kernel's table is read each ``reconcile`` seconds; while it is out of reach, only as often as is retried."""

from __future__ import annotations

from builders import down, real, service_key, up, virtual
from harness.director_site import TWO, WEB, started
from ldirectord_py.daemon.reconciler.resync_timer import MAX_RETRY_DELAY
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Service


async def test_a_start_and_a_resync_are_followed_by_the_next_resync(clock: list[float]) -> None:
    site = await started(TWO, reconcile=60)
    assert site.director.sync.due == 1060
    await site.kernel.apply([Op(Verb.DELETE, Service(service_key(WEB), "wrr"))])
    clock[0] = 1059.5
    await site.director.reconcile()
    assert site.weights == {}
    clock[0] = 1060
    await site.director.reconcile()
    assert site.weights == {"127.0.0.1:80": 1}
    assert site.director.sync.due == 1120


async def test_a_reload_that_changes_the_interval_changes_the_next_resync(clock: list[float]) -> None:
    site = await started(TWO, reconcile=60)
    clock[0] = 1005
    await site.reload(TWO, reconcile=20)
    assert site.director.sync.due == 1025


async def test_steps_of_a_slow_start_do_not_hasten_retries(clock: list[float]) -> None:
    site = await started(virtual(WEB, real("10.1.0.1:80", weight=20), slowstart=90), reconcile=None)
    for result in (up(), down(), up()):
        await site.check(result)
    assert site.director.sync.due == 1010
    site.kernel.broken = KernelError("ip_vs is gone")
    delays = []
    for _ in range(6):
        clock[0] = site.director.sync.due
        await site.director.reconcile()
        delays.append(site.director.sync.due - clock[0])
    assert delays == [1, 2, 4, 8, 16, MAX_RETRY_DELAY]

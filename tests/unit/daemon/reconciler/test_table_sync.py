"""What the kernel refuses, or cannot do now, is logged once and tried again."""

from __future__ import annotations

import errno

import pytest

from builders import config, down, service_key, up, virtual
from harness.director_site import FOREIGN, TWO, WEB, Site, started
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import DestinationKey, Service


async def test_F21_a_refused_service_degrades_only_itself_and_is_logged_once() -> None:
    odd, good = virtual(WEB, "10.1.0.1:80", scheduler="nosuch"), virtual("10.0.0.2:80", "10.1.0.1:80")
    site = await started(odd, good)
    assert [text.split(":")[0] for text in site.lines] == [
        "Added virtual server",
        "Kernel refused to add virtual server",
    ]
    await site.check(up())
    assert site.weights == {"10.1.0.1:80": 1}
    assert not [text for text in site.lines if text.startswith("Kernel refused")]


async def test_F18_a_refused_op_is_tried_again_and_succeeds_when_the_kernel_can() -> None:
    site = Site(MemoryKernel([FOREIGN]), config(virtual(WEB, "10.1.0.1:80")))
    site.kernel.refusing[service_key(WEB)] = errno.ENOENT
    await site.director.start()
    await site.check(up())
    site.kernel.refusing.clear()
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1}


async def test_a_resync_repairs_a_stale_mirror() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"))
    await site.kernel.apply([Op(Verb.DELETE, Service(service_key(WEB), "wrr"))])
    await site.check(up())
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1}


async def test_F18_checks_go_on_while_the_kernel_is_out_of_reach() -> None:
    site = await started(TWO)
    site.kernel.broken = KernelError("ip_vs is gone")
    await site.check(up())
    await site.director.reconcile()
    assert site.lines[-1] == "Cannot reach the kernel's table, checks go on: ip_vs is gone"
    assert sum("Cannot reach" in text for text in site.lines) == 1
    site.kernel.broken = None
    await site.director.reconcile()
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    assert site.lines[-1] == "The kernel's table is in reach again"


async def test_services_that_a_reload_leaves_to_others_are_left_though_the_kernel_was_out_of_reach() -> None:
    kept, other = virtual(WEB, "10.1.0.1:80", cleanstop=False), virtual("10.0.0.2:80", "10.1.0.2:80")
    site = await started(kept, other)
    await site.check(up())
    site.kernel.broken = KernelError("ip_vs is gone")
    await site.check(down(), "10.1.0.1")
    await site.reload(other)
    site.kernel.broken = None
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_the_kernel_may_be_out_of_reach_for_days() -> None:
    site = await started(TWO)
    site.kernel.refusing[service_key(WEB)] = errno.ENOENT
    await site.reload(virtual(WEB, "10.1.0.1:80", scheduler="nosuch"))
    for _ in range(1100):
        await site.director.reconcile(resync=True)
    site.kernel.broken = KernelError("ip_vs is gone")
    for _ in range(1100):
        await site.director.reconcile(resync=True)
    assert sum("Cannot reach" in text for text in site.lines) == 1


async def test_a_start_without_a_kernel_raises() -> None:
    site = Site(MemoryKernel(), config(TWO))
    site.kernel.broken = KernelError("no permission")
    with pytest.raises(KernelError, match="no permission"):
        await site.director.start()


async def test_a_reload_while_the_kernel_is_out_of_reach_is_written_later() -> None:
    site = await started(TWO)
    await site.check(up())
    site.kernel.broken = KernelError("ip_vs is gone")
    await site.reload(virtual("10.0.0.2:80", "10.1.0.1:80"))
    site.kernel.broken = None
    await site.director.reconcile()
    services = [key for key in site.kernel.table if not isinstance(key, DestinationKey)]
    assert services == [FOREIGN.key, service_key("10.0.0.2:80")]

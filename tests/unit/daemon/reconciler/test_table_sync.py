"""What the kernel refuses, or cannot do now, is logged once and tried again; what others add meanwhile is removed."""

from __future__ import annotations

import errno

import pytest

from builders import config, down, service_key, up, virtual
from harness.director_site import FOREIGN, TWO, WEB, Site, destination, started
from harness.recording_kernel import RecordingKernel
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


async def test_a_row_that_was_refused_is_tried_again_with_the_table_and_not_with_each_change() -> None:
    site = await started(TWO)
    site.kernel.refusing[destination(WEB, "10.1.0.1:80").key] = errno.ENOMEM
    await site.check(up(), "10.1.0.1")
    site.kernel.refusing.clear()
    await site.check(up(), "10.1.0.2")
    assert site.weights == {"10.1.0.2:80": 1}
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_a_service_that_was_refused_is_written_whole_with_the_next_change() -> None:
    site = Site(MemoryKernel([FOREIGN]), config(TWO))
    site.kernel.refusing[service_key(WEB)] = errno.ENOENT
    await site.director.start()
    await site.check(up(), "10.1.0.1")
    site.kernel.refusing.clear()
    await site.check(up(), "10.1.0.2")
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_services_that_are_written_whole_use_the_rows_that_are_encoded_already() -> None:
    kernel = RecordingKernel()
    site = Site(kernel, config(TWO))
    await site.director.start()
    assert kernel.encoded == site.director.compiled.virtuals[service_key(WEB)].encoded
    await site.check(up(), "10.1.0.1")
    assert kernel.encoded == {}


async def test_tables_read_and_batches_written_and_reconciliations_are_counted_also_those_that_fail() -> None:
    site = Site(MemoryKernel(), config(TWO))
    assert site.director.sync.steps == 0
    await site.director.start()
    assert site.director.sync.steps == 1
    await site.director.reconcile(resync=True)
    assert site.director.sync.steps == 3
    await site.check(up())
    assert site.director.sync.steps == 5
    site.kernel.broken = KernelError("ip_vs is gone")
    await site.director.reconcile(resync=True)
    assert site.director.sync.steps == 6


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
    await site.director.reconcile()
    assert site.lines.count("The kernel's table is in reach again") == 1


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
    assert site.lines == ["Cannot reach the kernel's table, checks go on: ip_vs is gone"]
    site.kernel.broken = None
    await site.director.reconcile()
    services = [key for key in site.kernel.table if not isinstance(key, DestinationKey)]
    assert services == [FOREIGN.key, service_key("10.0.0.2:80")]


KEEPING = virtual(WEB, "10.1.0.1:80", drainremoved=600)
STRANGE = destination(WEB, "10.1.0.9:80")


async def test_a_reload_removes_what_somebody_added_to_a_virtual_that_drains_servers() -> None:
    site = await started(KEEPING)
    await site.kernel.apply([Op(Verb.ADD, STRANGE)])
    await site.reload(KEEPING)
    assert site.weights == {}


async def test_so_does_one_that_added_another_virtual_while_the_kernel_was_out_of_reach() -> None:
    site = await started(KEEPING)
    await site.kernel.apply([Op(Verb.ADD, STRANGE)])
    site.kernel.broken = KernelError("ip_vs is gone")
    await site.reload(KEEPING, virtual("10.0.0.2:80", "10.1.0.1:80"))
    site.kernel.broken = None
    await site.director.reconcile()
    assert site.weights == {}

"""The event of a row that is written has its phase, its role, the verdict behind it, and its virtual."""

from __future__ import annotations

import errno

import pytest

from builders import service_key, up, virtual
from harness.director_site import TWO, WEB, Site, destination, started
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Service
from ldirectord_py.report.events import Phase, Role

OTHER = virtual("10.0.0.2:80", "10.1.0.2:80")
ONE = destination(WEB, "10.1.0.1:80")


def reasons(site: Site) -> dict[Op, str | None]:
    """Return what was written, each with the reason of the verdict that led to it."""
    return {each.op: each.cause.reason if each.cause else None for each in site.written}


async def test_what_a_start_writes_belongs_to_its_virtual_and_follows_from_no_verdict() -> None:
    site = await started(TWO, OTHER)
    assert [(each.op.row.key, each.role, each.virtual) for each in site.written] == [
        (service_key(WEB), Role.UNKNOWN, TWO),
        (OTHER.key, Role.UNKNOWN, OTHER),
        (destination(WEB, "127.0.0.1:80").key, Role.FALLBACK, TWO),
    ]
    assert set(reasons(site).values()) == {None}


async def test_a_write_has_the_phase_in_which_it_is_done() -> None:
    site = await started(TWO)
    assert {each.phase for each in site.written} == {Phase.START}
    await site.check(up())
    assert {each.phase for each in site.written} == {Phase.RUN}
    await site.reload(OTHER)
    assert {each.phase for each in site.written} == {Phase.RELOAD}
    site.clear()
    await site.director.stop()
    assert {each.phase for each in site.written} == {Phase.STOP}


async def test_a_verdict_leads_to_the_row_of_its_server_and_to_that_of_the_fallback() -> None:
    site = await started(TWO)
    await site.check(up("200 OK"), "10.1.0.1")
    assert reasons(site) == {
        Op(Verb.ADD, ONE): "200 OK",
        Op(Verb.DELETE, destination(WEB, "127.0.0.1:80")): "200 OK",
    }


async def test_a_repair_follows_from_no_verdict() -> None:
    site = await started(TWO)
    await site.check(up("200 OK"), "10.1.0.1")
    await site.somebody(Op(Verb.DELETE, Service(service_key(WEB), "wrr")))
    assert reasons(site) == {Op(Verb.ADD, Service(service_key(WEB), "wrr")): None, Op(Verb.ADD, ONE): None}


async def test_a_row_that_the_kernel_refused_at_first_still_has_its_verdict() -> None:
    site = await started(TWO)
    site.kernel.refusing[ONE.key] = errno.ENOMEM
    await site.check(up("200 OK"), "10.1.0.1")
    site.kernel.refusing.clear()
    site.clear()
    await site.director.reconcile(resync=True)
    assert reasons(site) == {Op(Verb.ADD, ONE): "200 OK"}


@pytest.mark.parametrize("unreachable", [False, True])
async def test_rows_of_a_virtual_that_a_reload_removed_belong_to_it(unreachable: bool) -> None:
    site = await started(TWO, OTHER)
    await site.check(up())
    if unreachable:
        site.kernel.broken = KernelError("ip_vs is gone")
        await site.reload(OTHER)
    await site.reload(OTHER)
    site.kernel.broken = None
    await site.director.reconcile()
    assert [each.virtual for each in site.written] == [TWO, TWO, TWO]

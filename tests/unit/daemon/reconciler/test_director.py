"""The director on a kernel in memory: what it writes, when, and what it leaves alone."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from builders import KINDS, config, down, fallback, real, service_key, unjudged, up, virtual
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import CheckType, Config, Virtual
from ldirectord_py.config.model import Forward as Method
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Row, Service, Tunnel
from ldirectord_py.report.events import Event, Listener
from ldirectord_py.report.wording import line
from ldirectord_py.runtime import incidents

WEB = "10.0.0.1:80"
FOREIGN = Service(service_key("10.9.9.9:80"), "rr")


def destination(site: str | int, server: str, weight: int = 1) -> Destination:
    key = real(server)
    return Destination(DestinationKey(service_key(site), key.server, key.port), ForwardMethod.MASQUERADE, weight)


class Site:
    """A director, its kernel, and the lines that it tells."""

    def __init__(self, kernel: MemoryKernel, site: Config) -> None:
        self.kernel = kernel
        self.lines: list[str] = []
        self.director = Director(kernel, compile_config(site, KINDS), [self._note])

    def _note(self, event: Event) -> None:
        text = line(event)
        if text is not None:
            self.lines.append(text)

    @property
    def weights(self) -> dict[str, int]:
        """The destinations of all services but the foreign one, by address and port."""
        rows = self.kernel.table.values()
        return {
            f"{row.key.address}:{row.key.port}": row.weight
            for row in rows
            if isinstance(row, Destination) and row.key.service != FOREIGN.key
        }

    async def check(self, result: Result, *addresses: str) -> None:
        """Hand in the result of every check of these addresses (of all, without any) and let the table follow."""
        self.lines.clear()
        self.kernel.written.clear()
        for check in self.director.compiled.plan:
            if not addresses or str(check.target.address) in addresses:
                self.director.observe(check, result)
        await self.director.reconcile()

    async def reload(self, *virtuals: Virtual, **settings: object) -> None:
        """Put another configuration in force."""
        self.lines.clear()
        self.kernel.written.clear()
        await self.director.reload(compile_config(config(*virtuals, **settings), KINDS))

    async def somebody(self, *ops: Op) -> None:
        """Change the kernel behind the director's back, and let it look."""
        self.lines.clear()
        assert await self.kernel.apply(ops) == []
        self.kernel.written.clear()
        await self.director.reconcile(resync=True)


async def started(*virtuals: Virtual, kernel: Iterable[Row] = (), **settings: object) -> Site:
    site = Site(MemoryKernel([FOREIGN, *kernel]), config(*virtuals, **settings))
    await site.director.start()
    return site


TWO = virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", fallback=fallback("127.0.0.1:80"))
QUIET = virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", quiescent=True)


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


async def test_a_fault_of_this_host_is_told_once_and_changes_nothing() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"))
    await site.check(up())
    await site.check(unjudged())
    assert site.lines == [
        "Check http of 10.1.0.1:80 says nothing, the fault is on this host: too many open files",
    ]
    await site.check(unjudged())
    assert (site.lines, site.weights) == ([], {"10.1.0.1:80": 1})


@pytest.mark.parametrize("gone", [False, True])
async def test_that_a_fault_of_this_host_is_over_is_told_once_with_how_often_it_was_met(
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


# What others do to our rows


async def test_a_row_that_vanished_is_put_back() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.somebody(Op(Verb.DELETE, destination(WEB, "10.1.0.1:80")))
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    assert site.lines == [
        "Somebody removed real server: 10.1.0.1:80 (10.0.0.1:80), adding it again",
        "Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)",
    ]


async def test_a_service_that_vanished_is_put_back_whole() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.somebody(Op(Verb.DELETE, Service(service_key(WEB), "wrr")))
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    assert site.lines[0] == "Somebody removed virtual server: 10.0.0.1:80, adding it again"


async def test_a_scheduler_changed_by_hand_is_set_back() -> None:
    site = await started(QUIET)
    await site.somebody(Op(Verb.EDIT, Service(service_key(WEB), "lc")))
    assert site.kernel.table[service_key(WEB)] == Service(service_key(WEB), "wrr")


def sip(scheduler: str = "wrr") -> Service:
    return Service(service_key(WEB), scheduler, engine="sip")


def wrapped(server: str, weight: int = 1) -> Destination:
    return destination(WEB, server, weight)._replace(forward=ForwardMethod.TUNNEL, tunnel=Tunnel(1, 6080))


IPIP_ONE = virtual(WEB, real("10.1.0.1:80", Method.IPIP), "10.1.0.2:80", quiescent=True)


async def test_a_start_keeps_the_engine_and_the_tunnels_that_it_finds() -> None:
    kernel = (sip("lc"), wrapped("10.1.0.1:80"), destination(WEB, "10.1.0.2:80"))
    site = await started(IPIP_ONE, kernel=kernel)
    await site.check(down())
    assert site.kernel.table[service_key(WEB)] == sip()
    assert wrapped("10.1.0.1:80", 0) in site.kernel.table.values()


async def test_a_reload_keeps_the_engine_and_the_tunnels() -> None:
    site = await started(IPIP_ONE)
    await site.check(up())
    await site.kernel.apply([Op(Verb.EDIT, sip()), Op(Verb.EDIT, wrapped("10.1.0.1:80"))])
    heavier = virtual(WEB, real("10.1.0.1:80", Method.IPIP, weight=5), "10.1.0.2:80", scheduler="lc")
    await site.reload(heavier)
    assert site.kernel.table[service_key(WEB)] == sip("lc")
    assert wrapped("10.1.0.1:80", 5) in site.kernel.table.values()
    await site.reload(replace(heavier, pe="none"))
    assert site.kernel.table[service_key(WEB)] == Service(service_key(WEB), "lc")


async def test_an_engine_and_a_tunnel_set_by_hand_are_left_and_told_once() -> None:
    site = await started(IPIP_ONE)
    await site.check(up())
    await site.somebody(Op(Verb.EDIT, sip()), Op(Verb.EDIT, wrapped("10.1.0.1:80")))
    assert site.lines == [
        "Somebody set the persistence engine of virtual server: 10.0.0.1:80 to sip, leaving it so",
        "Somebody changed the tunnel of real server: 10.1.0.1:80 (10.0.0.1:80), leaving it so",
    ]
    assert site.kernel.written == []
    await site.somebody()
    assert (site.lines, site.kernel.written) == ([], [])
    await site.somebody(Op(Verb.EDIT, sip("rr")))
    assert site.kernel.table[service_key(WEB)] == sip()
    assert site.lines[0] == "Somebody changed virtual server: 10.0.0.1:80, setting it back"


async def test_an_engine_that_the_file_names_is_put_back() -> None:
    site = await started(replace(IPIP_ONE, pe="sip"))
    assert site.kernel.table[service_key(WEB)] == sip()
    await site.somebody(Op(Verb.EDIT, Service(service_key(WEB), "wrr")))
    assert site.kernel.table[service_key(WEB)] == sip()
    await site.reload(IPIP_ONE)
    assert site.kernel.table[service_key(WEB)] == sip()


async def test_a_weight_and_a_tunnel_set_by_hand_are_both_left() -> None:
    site = await started(IPIP_ONE)
    await site.check(up())
    await site.somebody(Op(Verb.EDIT, wrapped("10.1.0.1:80", 7)))
    assert site.kernel.written == []
    assert wrapped("10.1.0.1:80", 7) in site.kernel.table.values()


async def test_a_strange_destination_in_our_service_is_removed() -> None:
    site = await started(QUIET)
    await site.somebody(Op(Verb.ADD, destination(WEB, "10.1.0.9:80")))
    assert "10.1.0.9:80" not in site.weights
    assert site.lines == [
        "Somebody added real server: 10.1.0.9:80 (10.0.0.1:80), removing it",
        "Purged real server (run): 10.1.0.9:80 (10.0.0.1:80)",
    ]


async def test_a_weight_set_by_hand_stays_until_the_server_changes_its_state() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.somebody(Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 7)))
    assert site.lines == [
        "Somebody set the weight of real server: 10.1.0.1:80 (10.0.0.1:80) to 7, leaving it so",
    ]
    await site.check(down(), "10.1.0.2")
    await site.check(up())
    assert site.weights == {"10.1.0.1:80": 7, "10.1.0.2:80": 1}
    await site.check(down(), "10.1.0.1")
    await site.check(up(), "10.1.0.1")
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_a_quiescent_row_removed_by_hand_stays_removed_until_the_server_is_up() -> None:
    site = await started(QUIET)
    await site.somebody(Op(Verb.DELETE, destination(WEB, "10.1.0.1:80", 0)))
    assert site.weights == {"10.1.0.2:80": 0}
    assert site.lines == [
        "Somebody removed real server: 10.1.0.1:80 (10.0.0.1:80), leaving it so (readdquiescent=no)",
    ]
    await site.check(down())
    await site.reload(QUIET)
    assert site.weights == {"10.1.0.2:80": 0}
    await site.check(up())
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_readdquiescent_puts_a_quiescent_row_back() -> None:
    site = await started(QUIET, readdquiescent=True)
    await site.somebody(Op(Verb.DELETE, destination(WEB, "10.1.0.1:80", 0)))
    assert site.weights == {"10.1.0.1:80": 0, "10.1.0.2:80": 0}


async def test_a_quiescent_row_that_somebody_put_back_is_kept() -> None:
    site = await started(QUIET)
    row = destination(WEB, "10.1.0.1:80", 0)
    await site.somebody(Op(Verb.DELETE, row))
    await site.somebody(Op(Verb.ADD, row))
    assert (site.weights, site.lines) == ({"10.1.0.1:80": 0, "10.1.0.2:80": 0}, [])


async def test_a_quiescent_row_removed_by_hand_comes_back_with_its_server_though_nobody_has_looked_before() -> None:
    site = await started(QUIET)
    await site.kernel.apply([Op(Verb.DELETE, destination(WEB, "10.1.0.1:80", 0))])
    await site.check(up())
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_a_weight_set_by_hand_does_not_hold_for_a_server_that_went_down_before_anybody_looked() -> None:
    site = await started(QUIET)
    await site.check(up())
    await site.kernel.apply([Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 7))])
    for check in site.director.compiled.plan:
        site.director.observe(check, down())
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 0, "10.1.0.2:80": 0}


# Reload


async def test_a_reload_writes_only_what_differs() -> None:
    site = await started(TWO)
    await site.check(up())
    heavier = virtual(WEB, real("10.1.0.1:80", weight=5), "10.1.0.2:80", fallback=fallback("127.0.0.1:80"))
    await site.reload(heavier)
    assert site.kernel.written == [Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 5))]


async def test_a_reload_keeps_the_state_of_every_server_that_stays() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80", failurecount=3))
    await site.check(up(), "10.1.0.1")
    await site.check(down(), "10.1.0.1")
    await site.reload(virtual(WEB, "10.1.0.3:80", "10.1.0.2:80", "10.1.0.1:80", failurecount=3, request="/new"))
    assert site.weights == {"10.1.0.1:80": 1}
    await site.check(down(), "10.1.0.1")
    assert site.lines == ["Soft failure real server: 10.1.0.1:80 (tcp:10.0.0.1:80) failure 2/3: connect refused"]


async def test_a_virtual_added_by_a_reload_knows_what_its_checks_have_found() -> None:
    first, second = virtual(WEB, "10.1.0.1:80"), virtual("10.0.0.2:80", "10.1.0.1:80")
    site = await started(first)
    await site.check(up())
    await site.reload(first, second)
    assert [site.director.health[key].up for key in site.director.health] == [True, True]


async def test_a_virtual_removed_by_a_reload_leaves_and_its_neighbours_stay() -> None:
    first, second = virtual(WEB, "10.1.0.1:80"), virtual("10.0.0.2:80", "10.1.0.1:80")
    site = await started(first, second)
    await site.check(up())
    await site.reload(first)
    assert site.kernel.written == [Op(Verb.DELETE, Service(service_key("10.0.0.2:80"), "wrr"))]
    assert site.lines == [
        "Purged real server (reload): 10.1.0.1:80 (10.0.0.2:80)",
        "Purged virtual server (reload): 10.0.0.2:80",
    ]


async def test_a_virtual_with_cleanstop_no_that_a_reload_removes_is_left_to_others() -> None:
    kept, other = virtual(WEB, "10.1.0.1:80", cleanstop=False), virtual("10.0.0.2:80", "10.1.0.2:80")
    site = await started(kept, other)
    await site.check(up())
    await site.reload(other)
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}
    await site.somebody(Op(Verb.EDIT, Service(service_key(WEB), "lc")))
    assert site.lines == []


async def test_a_real_removed_by_a_reload_is_purged() -> None:
    site = await started(TWO)
    await site.check(up())
    await site.reload(virtual(WEB, "10.1.0.1:80", fallback=fallback("127.0.0.1:80")))
    assert site.lines == ["Purged real server (reload): 10.1.0.2:80 (10.0.0.1:80)"]


async def test_a_reload_takes_back_a_weight_set_by_hand_only_where_the_server_is_configured_anew() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80"))
    await site.check(up())
    await site.somebody(
        Op(Verb.EDIT, destination(WEB, "10.1.0.1:80", 7)), Op(Verb.EDIT, destination(WEB, "10.1.0.2:80", 7))
    )
    await site.reload(virtual(WEB, "10.1.0.1:80", real("10.1.0.2:80", weight=3)))
    assert site.weights == {"10.1.0.1:80": 7, "10.1.0.2:80": 3}


async def test_a_result_of_a_check_that_a_reload_ended_is_ignored() -> None:
    site = await started(TWO)
    (check, *_) = site.director.compiled.plan
    await site.reload(virtual("10.0.0.2:80", "10.1.0.9:80"))
    site.director.observe(check, up())
    await site.director.reconcile()
    assert site.weights == {}


async def test_what_an_ended_check_found_does_not_count_when_a_reload_begins_it_anew() -> None:
    site = await started(TWO)
    (check, *_) = site.director.compiled.plan
    await site.reload(virtual("10.0.0.2:80", "10.1.0.9:80"))
    site.director.observe(check, up())
    await site.reload(TWO)
    assert site.weights == {"127.0.0.1:80": 1}


async def test_checktype_on_comes_up_by_a_reload() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"))
    await site.check(down())
    await site.reload(virtual(WEB, "10.1.0.1:80", checktype=CheckType.ON))
    assert site.weights == {"10.1.0.1:80": 1}


# Stop


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


# Trouble with the kernel


async def test_a_refused_service_degrades_only_itself_and_is_told_once() -> None:
    odd, good = virtual(WEB, "10.1.0.1:80", scheduler="nosuch"), virtual("10.0.0.2:80", "10.1.0.1:80")
    site = await started(odd, good)
    assert [text.split(":")[0] for text in site.lines] == [
        "Added virtual server",
        "Kernel refused to add virtual server",
    ]
    await site.check(up())
    assert site.weights == {"10.1.0.1:80": 1}
    assert not [text for text in site.lines if text.startswith("Kernel refused")]


async def test_a_refused_op_is_tried_again_and_succeeds_when_the_kernel_can() -> None:
    site = Site(MemoryKernel([FOREIGN]), config(virtual(WEB, "10.1.0.1:80")))
    site.kernel.refusing[service_key(WEB)] = errno.ENOENT
    await site.director.start()
    await site.check(up())
    site.kernel.refusing.clear()
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1}


async def test_a_stale_view_is_mended_by_a_look() -> None:
    site = await started(virtual(WEB, "10.1.0.1:80"))
    await site.kernel.apply([Op(Verb.DELETE, Service(service_key(WEB), "wrr"))])
    await site.check(up())
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1}


async def test_checks_go_on_while_the_kernel_is_out_of_reach() -> None:
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


async def test_what_a_reload_leaves_to_others_is_left_though_the_kernel_was_out_of_reach() -> None:
    kept, other = virtual(WEB, "10.1.0.1:80", cleanstop=False), virtual("10.0.0.2:80", "10.1.0.2:80")
    site = await started(kept, other)
    await site.check(up())
    site.kernel.broken = KernelError("ip_vs is gone")
    await site.check(down(), "10.1.0.1")
    await site.reload(other)
    site.kernel.broken = None
    await site.director.reconcile(resync=True)
    assert site.weights == {"10.1.0.1:80": 1, "10.1.0.2:80": 1}


async def test_trouble_may_last_for_days() -> None:
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


# Its own loop


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


@pytest.mark.slow
async def test_the_loop_repairs_by_itself_within_the_reconcile_period() -> None:
    site = await started(TWO, reconcile=1)
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


@pytest.mark.slow
async def test_a_reload_changes_when_the_loop_looks() -> None:
    site = await started(TWO, reconcile=None)
    async with running(site):
        await asyncio.sleep(0)
        await site.reload(TWO, reconcile=1)
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

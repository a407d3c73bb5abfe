"""NetlinkKernel against a kernel that loses, cuts and doubles its answers: no partial table, no lost op."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from itertools import count, groupby
from pathlib import Path

import pytest

from contract.fake_linux import FakeLinux, FakeSocket, attribute, cut, fine, interrupted, lose, overrun, too_long
from contract.kernel_cases import CASES, EVERY_SORT, MANY, Case, add, edit, hold, real, service, table
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, diff
from ldirectord_py.ipvs.netlink import batches, client, session
from ldirectord_py.ipvs.netlink.batches import MAX_BATCH
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.ipvs.netlink.encode import encode_valid
from ldirectord_py.ipvs.netlink.socket import LONG_READ, PAGE_READ
from ldirectord_py.ipvs.settings import EXPIRE_NODEST, EXPIRE_TEMPLATE, EXPIRY
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Row,
    Service,
    Usage,
    VirtualAddress,
)
from ldirectord_py.runtime import sysctl

BIG: list[Row] = [service(), *MANY[:10]]
MISHAPS = [overrun, lose, too_long, cut, interrupted]


async def never() -> str:
    raise AssertionError("nothing has to be loaded")


def kernel_of(linux: FakeLinux) -> NetlinkKernel:
    return NetlinkKernel(linux.open_socket, never)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.parametrize("part", [3, 10])
async def test_contract(case: Case, part: int) -> None:
    await hold(kernel_of(FakeLinux(part=part)), case)


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("before", range(6))
async def test_F19_a_broken_dump_is_repeated(mishap: Callable[[bytes], bytes], before: int) -> None:
    linux = FakeLinux(EVERY_SORT.values(), part=4)
    kernel = kernel_of(linux)
    await kernel.read()
    linux.mishaps.extend([fine] * before + [mishap])
    assert dict(EVERY_SORT) == await kernel.read()
    assert not linux.mishaps


async def test_F19_a_table_that_keeps_changing_is_not_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_TIMEOUT", 0.05)
    linux = FakeLinux(BIG, part=2)
    weights = count(2)
    linux.between = lambda: linux.kernel._execute(edit(MANY[9]._replace(weight=next(weights)))[0])
    with pytest.raises(KernelError, match="cannot be read: destinations came or went meanwhile"):
        await kernel_of(linux).read()


async def test_F43_a_table_that_changed_in_a_pause_of_this_host_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_TIMEOUT", 0.0)
    linux = FakeLinux(EVERY_SORT.values(), part=4)
    kernel = kernel_of(linux)
    await kernel.read()
    linux.mishaps.extend([interrupted, fine, interrupted])
    assert dict(EVERY_SORT) == await kernel.read()
    assert not linux.mishaps


async def test_a_long_dump_is_repeated_unless_nothing_changed() -> None:
    linux = FakeLinux(BIG, part=2)
    kernel = kernel_of(linux)
    sent = []
    for weight in (1, 1, 2, 2):
        linux.kernel._execute(edit(MANY[9]._replace(weight=weight))[0])
        before = linux.sent
        assert linux.kernel.table == await kernel.read()
        sent.append(linux.sent - before)
    assert sent == [5, 3, 4, 3]  # the family at first; services; destinations once or twice; services


async def test_the_first_read_of_a_service_is_in_parts_as_large_as_the_service_before_it_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    receive = FakeSocket.recv

    def counted(opened: FakeSocket, size: int) -> bytes:
        sizes.append(size)
        return receive(opened, size)

    monkeypatch.setattr(FakeSocket, "recv", counted)
    first, second = (VirtualAddress(Protocol.TCP, IPv4Address(f"192.0.2.{number}"), 80) for number in (1, 2))
    rows = [
        Destination(DestinationKey(key, IPv4Address("10.1.0.1"), 80), ForwardMethod.ROUTE, 1) for key in (first, second)
    ]
    linux = FakeLinux([Service(first, "wrr"), Service(second, "wrr"), *rows])
    await kernel_of(linux).read()
    runs = [size for size, _ in groupby(sizes)]
    assert runs == [PAGE_READ, LONG_READ, PAGE_READ, LONG_READ]  # family; services, first; second; services


async def test_a_service_that_goes_during_a_read_is_not_half_there() -> None:
    linux = FakeLinux(EVERY_SORT.values(), part=4)
    gone = next(row for row in EVERY_SORT.values() if isinstance(row, Service) and row.key.ipv6)
    parts = iter([None] * 7 + [gone])

    def between() -> None:
        row = next(parts, None)
        if row is not None:
            linux.kernel._services.pop(row.key)

    linux.between = between
    assert linux.kernel.table != await kernel_of(linux).read() or gone.key not in linux.kernel.table
    assert linux.kernel.table == await kernel_of(linux).read()


async def test_F19_unknown_attributes_are_passed_over() -> None:
    linux = FakeLinux(EVERY_SORT.values())
    linux.body = lambda body: body[:4] + attribute(body[6], attribute(99, b"new") + body[8:]) + attribute(77, b"?")
    assert dict(EVERY_SORT) == await kernel_of(linux).read()


@pytest.mark.parametrize("mishap", [overrun, lose, too_long, cut])
async def test_F19_ops_are_done_once_though_their_answer_was_lost(mishap: Callable[[bytes], bytes]) -> None:
    linux = FakeLinux(part=4)
    kernel = kernel_of(linux)
    await kernel.read()
    linux.mishaps.append(mishap)
    assert not await kernel.apply(add(*BIG))
    assert add(*BIG) == linux.kernel.written
    assert table(*BIG) == linux.kernel.table


async def test_invalid_ops_are_refused_in_order_and_the_others_written() -> None:
    linux = FakeLinux([service(), real("10.1.0.1")])
    rows = [real(f"10.2.{number // 200}.{number % 200 + 1}") for number in range(3 * MAX_BATCH)]
    invalid = [0, 1, MAX_BATCH - 1, *range(MAX_BATCH, 3 * MAX_BATCH, 2)]
    for at in invalid:
        rows[at] = rows[at]._replace(weight=-1)
    rows[2] = real("10.1.0.1")
    places: dict[object, int] = {row.key: at for at, row in enumerate(rows)}
    refused = await kernel_of(linux).apply(add(*rows))
    expected = [(at, errno.ERANGE) for at in invalid] + [(2, errno.EEXIST)]
    assert sorted(expected) == [(places[one.op.row.key], one.errno) for one in refused]
    assert len(rows) - len(expected) == len(linux.kernel.written)


async def test_encoded_rows_are_not_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Row] = [service(), real("10.1.0.1"), real("10.1.0.2")]
    encoded = encode_valid(rows[:2])
    validated: list[Op] = []
    monkeypatch.setattr(batches, "validate", validated.append)
    linux = FakeLinux()
    assert not await kernel_of(linux).apply(add(*rows), encoded)
    assert add(rows[2]) == validated
    assert table(*rows) == linux.kernel.table


async def test_nothing_is_sent_for_invalid_ops_alone() -> None:
    linux = FakeLinux([service()])
    kernel = kernel_of(linux)
    await kernel.read()
    sent = linux.sent
    refused = await kernel.apply(add(real("10.1.0.1")._replace(weight=-1)))
    assert [one.errno for one in refused] == [errno.ERANGE]
    assert sent == linux.sent


async def test_ops_that_got_lost_are_written_again() -> None:
    linux = FakeLinux([service()])
    linux.deaf = 1
    assert not await kernel_of(linux).apply(add(*MANY[:10]))
    assert table(*BIG) == linux.kernel.table


async def test_a_refusal_whose_answer_was_lost_is_found_again() -> None:
    linux = FakeLinux([service(), real("10.1.0.1")])
    kernel = kernel_of(linux)
    await kernel.read()
    linux.mishaps.append(overrun)
    refused = await kernel.apply(add(real("10.1.0.1", 7), real("10.1.0.2")))
    assert [(real("10.1.0.1", 7), errno.EEXIST)] == [(one.op.row, one.errno) for one in refused]


async def test_ops_that_are_lost_every_time_are_refused() -> None:
    linux = FakeLinux([service()])
    linux.deaf = 100
    refused = await kernel_of(linux).apply(add(real("10.1.0.1")))
    assert [(real("10.1.0.1"), errno.ENOBUFS)] == [(one.op.row, one.errno) for one in refused]


async def test_the_family_is_looked_up_again_when_it_has_changed() -> None:
    linux = FakeLinux([service()])
    kernel = kernel_of(linux)
    await kernel.read()
    linux.family = 33
    assert not await kernel.apply(add(real("10.1.0.1")))
    linux.family = 34
    assert table(service(), real("10.1.0.1")) == await kernel.read()


async def test_F20_the_module_is_loaded_when_it_is_missing_at_first_and_later() -> None:
    linux = FakeLinux()
    linux.family = None
    loads: list[str] = []

    async def load() -> str:
        loads.append("ip_vs")
        linux.family = 40 + len(loads)
        return ""

    kernel = NetlinkKernel(linux.open_socket, load)
    assert not await kernel.apply(add(service()))
    for _ in range(2):
        linux.family = None
        assert table(service()) == await kernel.read()
    linux.family = None
    assert not await kernel.apply(add(real("10.1.0.1")))
    assert len(loads) == 4


async def test_a_kernel_without_ipvs_raises_with_a_hint() -> None:
    linux = FakeLinux()
    linux.family = None

    async def load() -> str:
        return "modprobe: FATAL: Module ip_vs not found"

    with pytest.raises(KernelError) as caught:
        await NetlinkKernel(linux.open_socket, load).read()
    expected = (
        "the kernel has no IPVS (modprobe: FATAL: Module ip_vs not found):"
        " load the module ip_vs as root, or install the modules of the running kernel"
    )
    assert expected == str(caught.value)


async def test_F18_without_privilege_nothing_is_read_or_written() -> None:
    linux = FakeLinux()
    linux.unprivileged = True
    kernel = kernel_of(linux)
    expected = "access to the kernel's IPVS table is denied: run as root or with CAP_NET_ADMIN"
    with pytest.raises(KernelError, match=expected):
        await kernel.read()
    with pytest.raises(KernelError, match=expected):
        await kernel.apply(add(service()))


async def test_only_what_differs_is_sent_in_one_datagram() -> None:
    linux = FakeLinux(EVERY_SORT.values())
    kernel = kernel_of(linux)
    await kernel.read()
    sent = linux.sent
    assert not await kernel.apply(diff(EVERY_SORT, {**EVERY_SORT, service().key: service(scheduler="lc")}))
    assert linux.sent - sent == 1
    assert not await kernel.apply([])
    assert linux.sent - sent == 1


class Slow(FakeSocket):
    """A socket whose kernel takes its time once ``go`` is cleared."""

    go = threading.Event()

    def send(self, data: bytes, /) -> int:
        self.go.wait()
        return super().send(data)


async def test_a_kernel_that_hangs_holds_neither_the_loop_nor_the_next_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "CALL_TIMEOUT", 0.05)
    linux = FakeLinux([service()])
    kernel = NetlinkKernel(lambda: Slow(linux), never)
    Slow.go.set()
    await kernel.read()
    Slow.go.clear()
    for _ in range(2):
        with pytest.raises(KernelError, match="the kernel has not answered"):
            await kernel.read()
    Slow.go.set()
    monkeypatch.setattr(client, "CALL_TIMEOUT", 10.0)
    assert table(service()) == await kernel.read()


async def test_F43_a_pause_of_this_host_is_no_silence_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's answer could not come during the pause; it comes soon after."""
    monkeypatch.setattr(client, "CALL_TIMEOUT", 0.3)
    loop, linux = asyncio.get_running_loop(), FakeLinux([service()])
    Slow.go.clear()
    loop.call_later(0.01, time.sleep, 0.5)
    loop.call_later(0.02, lambda: loop.call_later(0.02, Slow.go.set))
    assert table(service()) == await NetlinkKernel(lambda: Slow(linux), never).read()


async def test_a_call_that_is_cancelled_does_not_meet_the_next_one() -> None:
    linux = FakeLinux([service()])
    kernel = NetlinkKernel(lambda: Slow(linux), never)
    Slow.go.set()
    await kernel.read()
    Slow.go.clear()
    first = asyncio.create_task(kernel.apply(add(*MANY)))
    await asyncio.sleep(0)
    while kernel._running is None or kernel._running.done():
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(kernel.read())
    await asyncio.sleep(0)
    assert not second.done()
    Slow.go.set()
    assert table(service(), *MANY) == await second


async def test_a_close_does_not_wait_for_a_kernel_that_hangs() -> None:
    kernel = NetlinkKernel(lambda: Slow(FakeLinux([service()])), never)
    Slow.go.set()
    await kernel.read()
    Slow.go.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(kernel.read(), 0.05)
    await asyncio.wait_for(kernel.aclose(), 5)
    Slow.go.set()
    assert table(service()) == await kernel.read()


async def test_a_closed_kernel_opens_again() -> None:
    kernel = kernel_of(FakeLinux([service()]))
    for _ in range(2):
        assert table(service()) == await kernel.read()
        await kernel.aclose()


@pytest.mark.parametrize("mishap", [None, *MISHAPS])
async def test_connections_are_counted_of_the_services_asked_for(mishap: Callable[[bytes], bytes] | None) -> None:
    other = Service(VirtualAddress(Protocol.UDP, IPv4Address("10.9.9.9"), 53), "rr")
    elsewhere = Destination(DestinationKey(other.key, IPv4Address("10.1.0.1"), 53), ForwardMethod.ROUTE, 1)
    linux = FakeLinux([*BIG, other, elsewhere], part=4)
    busy, idle = MANY[3].key, MANY[4].key
    linux.connected = {busy: (1, 20, 300), elsewhere.key: (1, 1, 1)}
    kernel = kernel_of(linux)
    await kernel.read()
    linux.mishaps.extend([fine, mishap] if mishap else [])
    counts = await kernel.connections([service().key])
    assert (counts[busy], counts[idle], len(counts)) == (321, 0, 10)
    used = await kernel.usage([service().key])
    assert (used[busy], used[idle].connections) == (Usage(MANY[3].weight, 1, 20, 300), 0)
    gone = FirewallMark(77)
    assert dict(await kernel.connections([gone])) == {}


async def test_the_settings_of_expiry_are_written_where_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysctl, "sysctl_path", lambda name: tmp_path / name)
    kernel = kernel_of(FakeLinux())
    with pytest.raises(KernelError, match="expire_nodest_conn: No such file or directory"):
        await kernel.set_expiry(on=True)
    (tmp_path / EXPIRE_NODEST).write_text("0\n")
    (tmp_path / EXPIRE_TEMPLATE).write_text("1\n")
    assert await kernel.set_expiry(on=True) == [EXPIRE_NODEST]
    assert [(tmp_path / name).read_text() for name in EXPIRY] == ["1\n", "1\n"]
    assert await kernel.set_expiry(on=False) == list(EXPIRY)


async def test_settings_that_hang_do_not_hold_up_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()
    monkeypatch.setattr(client, "write_sysctl", lambda *_: hanging.wait(30))
    monkeypatch.setattr(client, "CALL_TIMEOUT", 0.05)
    with pytest.raises(KernelError, match="has not answered"):
        await kernel_of(FakeLinux()).set_expiry(on=True)
    hanging.set()

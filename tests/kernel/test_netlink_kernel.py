"""NetlinkKernel on the kernel's own IPVS, each test in a fresh network namespace; ipvsadm sees the same."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import AsyncIterator, Iterator

import pytest

from contract.kernel_cases import CASES, EVERY_SORT, WEB, Case, add, hold, real, service, table
from contract.saved_table import parse
from harness.lab.fresh_namespace import fresh_namespace
from ldirectord_py.ipvs.diff import diff
from ldirectord_py.ipvs.ipvsadm import in_order, save
from ldirectord_py.ipvs.netlink.client import NetlinkKernel
from ldirectord_py.ipvs.table import Destination, DestinationKey, Table, Usage


@pytest.fixture(autouse=True)
def _namespace() -> Iterator[None]:
    with fresh_namespace():
        yield


@pytest.fixture
async def kernel(_namespace: None) -> AsyncIterator[NetlinkKernel]:
    kernel = NetlinkKernel()
    yield kernel
    await kernel.aclose()


def ipvsadm(*arguments: str, given: str = "") -> str:
    return subprocess.run(["ipvsadm", *arguments], check=True, capture_output=True, text=True, input=given).stdout


def _own(address: str) -> None:
    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)


def unloaded(*modules: str) -> bool:
    return subprocess.run(["modprobe", "-r", *modules], check=False, capture_output=True).returncode == 0


def without_thresholds(rows: Table) -> Table:
    return {key: row._replace(upper=0, lower=0) if isinstance(row, Destination) else row for key, row in rows.items()}


def thresholds(listed: str) -> list[tuple[int, int]]:
    """Return the first two columns of each destination of ``ipvsadm -L --thresholds``."""
    lines = (line.split() for line in listed.splitlines()[3:])
    return [(int(words[2]), int(words[3])) for words in lines if words[0] == "->"]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_contract(kernel: NetlinkKernel, case: Case) -> None:
    await hold(kernel, case)
    assert save(without_thresholds(case.expected)) == ipvsadm("-Sn")
    assert [(row.upper, row.lower) for row in in_order(case.expected) if isinstance(row, Destination)] == thresholds(
        ipvsadm("-Ln", "--thresholds")
    )


async def test_what_ipvsadm_writes_is_read(kernel: NetlinkKernel) -> None:
    ipvsadm("--restore", given=save(EVERY_SORT))
    assert dict(EVERY_SORT) == await kernel.read()


async def test_F17_each_foreign_change_is_repaired_with_one_op(kernel: NetlinkKernel) -> None:
    await kernel.apply(diff({}, EVERY_SORT))
    ipvsadm("-e", "-t", "10.0.0.1:80", "-r", "10.1.0.1:80", "-g", "-w", "9")
    ipvsadm("-D", "-f", "1")
    ipvsadm("-a", "-u", "10.0.0.6:53", "-r", "10.1.0.77:53", "-m")
    ops = diff(await kernel.read(), EVERY_SORT)
    assert len(ops) == 4
    assert not await kernel.apply(ops)
    assert dict(EVERY_SORT) == await kernel.read()


async def test_a_cleared_table_is_read_as_empty(kernel: NetlinkKernel) -> None:
    await kernel.apply(diff({}, EVERY_SORT))
    ipvsadm("-C")
    assert not await kernel.read()


async def test_a_refusal_is_described(kernel: NetlinkKernel) -> None:
    refused = await kernel.apply(add(service(WEB, "nosuch"), real("10.1.0.1")))
    expected = [
        "scheduler nosuch is not available: modprobe ip_vs_nosuch",
        "its service is not in the kernel's table: it was refused or removed",
    ]
    assert expected == [one.reason for one in refused]


async def test_the_table_is_that_of_the_namespace_of_the_first_call(kernel: NetlinkKernel) -> None:
    await kernel.apply(add(service(), real("10.1.0.1")))
    assert parse("-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1") == table(
        service(), real("10.1.0.1")
    )
    with fresh_namespace():
        assert table(service(), real("10.1.0.1")) == await kernel.read()
        other = NetlinkKernel()
        assert not await other.read()
        await other.aclose()


async def test_F20_the_module_is_loaded_when_it_is_not(kernel: NetlinkKernel) -> None:
    await kernel.apply(add(service()))
    await kernel.apply(diff(await kernel.read(), {}))
    if not unloaded("ip_vs_wrr", "ip_vs"):
        return  # built in, or in use elsewhere: it cannot go away
    assert not await kernel.apply(add(service()))
    assert table(service()) == await kernel.read()


async def test_connections_and_persistent_clients_are_counted(kernel: NetlinkKernel) -> None:
    _own("10.0.0.1")
    ipvsadm("-A", "-t", "10.0.0.1:80", "-s", "rr", "-p", "300")
    for address in ("127.0.0.1", "127.0.0.2"):
        ipvsadm("-a", "-t", "10.0.0.1:80", "-r", f"{address}:8080", "-m")
    (of,) = (key for key in await kernel.read() if not isinstance(key, DestinationKey))
    with socket.create_server(("", 8080)) as server, socket.create_connection(("10.0.0.1", 80), 60), server.accept()[0]:
        counts = await kernel.connections([of])
        used = await kernel.usage([of])
    assert sorted(counts.values()) == [0, 2]
    assert sorted(used.values()) == [Usage(1), Usage(1, 1, 0, 1)]

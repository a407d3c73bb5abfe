"""MemoryKernel: the contract of every kernel, and its faults on request."""

from __future__ import annotations

import errno

import pytest

from contract.kernel_cases import CASES, Case, add, delete, edit, hold, real, service, table
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.refusal import Refused
from ldirectord_py.ipvs.table import Row


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_contract(case: Case) -> None:
    await hold(MemoryKernel(), case)


async def test_a_dump_has_the_newest_destination_first() -> None:
    rows: list[Row] = [service(), real("10.1.0.1"), real("10.1.0.2")]
    assert [rows[0], rows[2], rows[1]] == list((await MemoryKernel(rows).read()).values())


async def test_written_holds_what_was_done_only() -> None:
    kernel = MemoryKernel([service()])
    await kernel.apply([*add(service(), real("10.1.0.1")), *delete(real("10.1.0.2"))])
    assert add(real("10.1.0.1")) == kernel.written


async def test_refusing_makes_a_key_fail() -> None:
    kernel = MemoryKernel([service()])
    kernel.refusing[real("10.1.0.1").key] = errno.ENOMEM
    op = Op(Verb.ADD, real("10.1.0.1"))
    assert [Refused(op, errno.ENOMEM, "the kernel is out of memory: free some")] == await kernel.apply(
        [op, *edit(service(scheduler="rr"))]
    )
    assert table(service(scheduler="rr")) == kernel.table


async def test_broken_fails_every_call() -> None:
    kernel = MemoryKernel([service()])
    kernel.broken = KernelError("gone")
    with pytest.raises(KernelError, match="gone"):
        await kernel.read()
    with pytest.raises(KernelError, match="gone"):
        await kernel.apply([])

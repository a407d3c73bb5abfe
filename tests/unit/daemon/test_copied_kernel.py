"""A copy of a table that counts connections in the original."""

from __future__ import annotations

from builders import virtual
from contract.kernel_cases import real, service, table
from ldirectord_py.daemon.copied_kernel import copied_kernel
from ldirectord_py.ipvs.kernel import MemoryKernel

ONE, TWO = real("10.1.0.1"), real("10.1.0.2")


async def test_connections_are_those_of_the_original() -> None:
    copy = copied_kernel(table(service(), ONE, TWO), [virtual("10.0.0.1:80")])
    services = [ONE.key.service]
    assert await copy.connections(services) == {ONE.key: 0, TWO.key: 0}
    copy.original = original = MemoryKernel([service(), ONE])
    original.connected[ONE.key] = 7
    assert await copy.connections(services) == {ONE.key: 7, TWO.key: 0}

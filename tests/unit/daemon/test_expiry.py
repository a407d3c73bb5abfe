"""``expire``: when the kernel is set, and how often a failure is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import pytest

from builders import config, virtual
from harness.waiting import until
from ldirectord_py.config.model import Config, Expire
from ldirectord_py.daemon.expiry import ExpirySetting
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.report.events import ConfigInForce, KernelFound, KernelLost


class Counted(MemoryKernel):
    """A kernel that keeps what it was set to, and says that both settings changed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bool] = []

    async def set_expiry(self, *, on: bool) -> Collection[str]:
        self.calls.append(on)
        await super().set_expiry(on=on)
        return ("net.ipv4.vs.expire_nodest_conn",)


def web(expire: Expire) -> Config:
    return config(virtual("192.0.2.1:80", "10.0.0.1:80"), expire=expire)


@asynccontextmanager
async def setting(kernel: MemoryKernel) -> AsyncIterator[ExpirySetting]:
    """Yield a setting that runs."""
    expiry = ExpirySetting(kernel)
    task = asyncio.create_task(expiry.run())
    try:
        yield expiry
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_configuration_in_force_sets_the_kernel(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    kernel = Counted()
    async with setting(kernel) as tell:
        tell(ConfigInForce(web(Expire.YES)))
        await until(lambda: kernel.calls == [True])
        tell(ConfigInForce(web(Expire.NO)))
        await until(lambda: kernel.calls == [True, False])
        await until(lambda: len(caplog.messages) == 2)
    assert caplog.messages[0] == "Set net.ipv4.vs.expire_nodest_conn=1, as expire=yes says"


async def test_a_kernel_that_was_lost_is_set_again() -> None:
    kernel = Counted()
    async with setting(kernel) as tell:
        tell(ConfigInForce(web(Expire.YES)))
        await until(lambda: kernel.calls == [True])
        tell(KernelLost("gone"))
        tell(KernelFound())
        await until(lambda: kernel.calls == [True, True])


async def test_nothing_is_set_by_default_nor_after_a_reload_that_leaves_it() -> None:
    kernel = Counted()
    async with setting(kernel) as tell:
        tell(ConfigInForce(web(Expire.LEAVE)))
        tell(KernelFound())
        await asyncio.sleep(0.05)
        assert kernel.calls == []
        tell(ConfigInForce(web(Expire.YES)))
        await until(lambda: kernel.calls == [True])
        tell(ConfigInForce(web(Expire.LEAVE)))
        await asyncio.sleep(0.05)
        assert kernel.calls == [True]


async def test_a_failure_is_told_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    kernel = Counted()
    async with setting(kernel) as tell:
        kernel.broken = KernelError("/proc/sys/net/ipv4/vs/expire_nodest_conn: Read-only file system")
        for calls in (1, 2):
            tell(ConfigInForce(web(Expire.YES)))
            await until(lambda calls=calls: len(kernel.calls) == calls)  # type: ignore[misc]
        kernel.broken = None
        tell(ConfigInForce(web(Expire.YES)))
        await until(lambda: kernel.expiry is True)
    reason = "/proc/sys/net/ipv4/vs/expire_nodest_conn: Read-only file system"
    assert [each.getMessage() for each in caplog.records if each.levelname == "ERROR"] == [
        f"expire=yes has no effect: {reason}"
    ]

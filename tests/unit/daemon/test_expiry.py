"""``expire``: when the kernel is set, and how often a failure is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import pytest

from builders import config, virtual
from harness.waiting import running_beside, until
from ldirectord_py.config.model import Config, Expire
from ldirectord_py.daemon import expiry
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
    running = ExpirySetting(kernel)
    async with running_beside(running.run()):
        yield running


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


async def test_a_failure_is_told_once_tried_again_and_ends_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(expiry, "EXPIRY_RETRY_INTERVAL", 0.02)
    kernel = Counted()
    async with setting(kernel) as tell:
        kernel.broken = KernelError("/proc/sys/net/ipv4/vs/expire_nodest_conn: Read-only file system")
        tell(ConfigInForce(web(Expire.YES)))
        await until(lambda: len(kernel.calls) > 3)
        kernel.broken = None
        await until(lambda: kernel.expiry is True)
        await until(lambda: len(caplog.messages) == 3)
        calls = len(kernel.calls)
        await asyncio.sleep(0.1)
        assert len(kernel.calls) == calls
    failed = "expire=yes has no effect: /proc/sys/net/ipv4/vs/expire_nodest_conn: Read-only file system"
    assert (caplog.messages[0], caplog.messages[2]) == (failed, "expire=yes has effect now")


async def test_a_failure_is_forgotten_with_a_reload_that_leaves_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expiry, "EXPIRY_RETRY_INTERVAL", 0.02)
    kernel = Counted()
    async with setting(kernel) as tell:
        kernel.broken = KernelError("gone")
        tell(ConfigInForce(web(Expire.YES)))
        await until(lambda: kernel.calls)
        tell(ConfigInForce(web(Expire.LEAVE)))
        await asyncio.sleep(0.05)
        calls = len(kernel.calls)
        await asyncio.sleep(0.1)
        assert len(kernel.calls) == calls

"""The state of processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ldirectord_py.daemon.workers.pool import WorkerPool
from ldirectord_py.runtime.child import Child


def is_running(pid: int | str) -> bool:
    """Return whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def worker_pids(pool: WorkerPool) -> list[int]:
    """Return the running worker processes of a pool."""
    return [supervisor.pid for supervisor in pool._supervisors if supervisor.pid is not None]


async def wait_for_end(pid: int | str) -> None:
    """Wait until the process no longer runs."""
    async with asyncio.timeout(20):
        while is_running(pid):
            await asyncio.sleep(0.05)


def _written(file: Path) -> bool:
    return file.exists() and file.read_text().endswith("\n")


def fail_next_wait(monkeypatch: pytest.MonkeyPatch, error: BaseException, pids: Path) -> None:
    """Make the next wait for a child raise ``error`` once the child has written a line to ``pids``."""
    wait = Child.wait

    async def failing(self: Child) -> int:
        monkeypatch.setattr(Child, "wait", wait)
        async with asyncio.timeout(20):
            while not _written(pids):
                await asyncio.sleep(0.01)
        raise error

    monkeypatch.setattr(Child, "wait", failing)

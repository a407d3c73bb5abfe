"""A process that forbids core dumps leaves none when it is killed by a signal that makes one."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from harness.memory_daemon import memory_daemon
from ldirectord_py.runtime import core_dumps
from ldirectord_py.runtime.core_dumps import MAX_CORE, forbid_core_dumps

DIES = """
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
child = os.fork()
if not child:
    if sys.argv[1] == "forbidden":
        from ldirectord_py.runtime.core_dumps import forbid_core_dumps
        forbid_core_dumps()
    os.abort()
status = os.waitpid(child, 0)[1]
print(os.WTERMSIG(status), os.WCOREDUMP(status))
"""


def death(folder: Path, word: str) -> str:
    command = [sys.executable, "-c", DIES, word]
    environment = {**os.environ, "PYTHONPATH": str(Path(core_dumps.__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment, timeout=60)
    return done.stdout.strip()


def test_F51_an_abort_leaves_nothing(tmp_path: Path) -> None:
    """Whatever the kernel does with others: without the limit it dumps, where this host lets it."""
    assert death(tmp_path, "forbidden") == f"{int(signal.SIGABRT)} False"
    assert list(tmp_path.iterdir()) == []
    assert death(tmp_path, "permitted").startswith(f"{int(signal.SIGABRT)} ")


def test_a_limit_that_may_not_be_raised_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []

    def setrlimit(_: int, both: tuple[int, int]) -> None:
        limits.append(both)
        if both != (0, 0):
            raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    forbid_core_dumps()
    assert limits == [(MAX_CORE, MAX_CORE), (0, 0)]


@pytest.mark.slow
def test_the_daemon_and_what_it_runs_are_limited(tmp_path: Path) -> None:
    text = "fork = yes\nworkers = 1\nvirtual = 192.0.2.1:80\n    real = 127.0.0.1:9 masq\n    checktype = connect\n"
    with memory_daemon(tmp_path, text):
        pid = int((tmp_path / "ldirectord.web.cf.pid").read_text())
        end = time.monotonic() + 30
        while not (workers := children(pid)):
            assert time.monotonic() < end
            time.sleep(0.02)
        limits = [Path(f"/proc/{each}/limits").read_text() for each in (pid, *workers)]
    cores = [line.split()[4:6] for text in limits for line in text.splitlines() if line.startswith("Max core file")]
    assert cores == [[str(MAX_CORE)] * 2] * 2


def children(pid: int) -> list[int]:
    """Return the processes that all threads of a process have started."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            found += map(int, path.read_text().split())
    return found

"""A test of this tier fails if a daemon that it has started holds its loop, and not if the daemon only waits."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.ours import Ours
from harness.guarded_loops import MODE, GuardedLoops
from harness.guarded_process import REPORT
from harness.lab.namespace import eventually
from harness.layers import PACKAGE

SITE = "virtual = 192.0.2.1:80\n    real = 127.0.0.1:9 masq\n    checktype = on\n"

PROGRAM = f"""
import asyncio
import sys
from pathlib import Path

from ldirectord_py import cli
from ldirectord_py.daemon import run

SOURCE = '''
import asyncio
from time import thread_time

def spin():
    end = thread_time() + 0.6
    while thread_time() < end:
        pass

async def wait():
    await asyncio.sleep(0.6)

async def repeat(file, kind):
    for _ in range(4):
        spin() if kind == "spin" else await wait()
        await asyncio.sleep(0)
    file.touch()
'''
exec(compile(SOURCE, {str(PACKAGE / "pretended.py")!r}, "exec"), globals())
file, kind, serve = Path(sys.argv.pop(1)), sys.argv.pop(1), run.serve

async def serve_and_repeat(*arguments):
    task = asyncio.create_task(repeat(file, kind))
    await serve(*arguments)

run.serve = serve_and_repeat
sys.exit(cli.main())
"""
"""A daemon in which code that pretends to be the package's takes the processor, or waits."""


class Busy(Ours):
    """Ours, with a coroutine that does four times what ``kind`` says."""

    kind = "wait"

    def command(self) -> Sequence[str]:
        """Return the command."""
        _, *words = super().command()
        return (sys.executable, "-c", PROGRAM, str(self.file("done")), self.kind, *words)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedLoops]:
    """A guard that repeats nothing; that of this tier is left alone."""
    monkeypatch.setenv(REPORT, "")
    monkeypatch.setenv(MODE, "strict")
    guarded = GuardedLoops()
    yield guarded
    guarded.close()


@pytest.mark.parametrize(("kind", "ends_with"), [("spin", pytest.fail.Exception), ("wait", StopIteration)])
def test_a_daemon_that_holds_its_loop(
    request: pytest.FixtureRequest,
    plugin: GuardedLoops,
    tmp_path: Path,
    kind: str,
    ends_with: type[BaseException],
) -> None:
    plugin.pytest_runtest_setup(request.node)
    call = plugin.pytest_runtest_call(request.node)
    next(call)
    daemon = Busy(tmp_path, SITE)
    daemon.kind = kind
    with daemon:
        eventually(daemon.file("done").exists, 60, daemon.log)
    with pytest.raises(ends_with) as ended:
        call.send(None)
    if kind == "spin":
        assert "by spin" in str(ended.value)
        assert str(PACKAGE / "pretended.py") in str(ended.value)

"""A daemon with 200 checks and a table in memory, reloaded many times with 20 new checks each time.

Half of the servers never answer, so that reloads cancel probes in flight. The arguments are a word of ``service`` and
the number of reloads. It prints its anonymous memory in kB after ten reloads and at the end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from ldirectord_py.config.load import load
from ldirectord_py.daemon import run
from ldirectord_py.daemon.history.journal import MAX_ENTRIES
from ldirectord_py.instance.identity import Identity
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.kernel import MemoryKernel, Refused
from ldirectord_py.ipvs.table import NOT_ENCODED, EncodedRows
from ldirectord_py.report.events import ReloadRefused

FIRST = 10

JOURNAL_TEXT = 84
"""Characters, of which an entry has each twice, that make it as long as those of these reloads."""

DIFFERENT = int(os.environ.get("DIFFERENT", "5"))
"""Configurations used in turn, so that all of them are cached after the first ten reloads."""


class Kernel(MemoryKernel):
    """A kernel that keeps no record of writes."""

    async def apply(self, ops: Sequence[Op], encoded: EncodedRows = NOT_ENCODED) -> Sequence[Refused]:
        refused = await super().apply(ops, encoded)
        self.written.clear()
        return refused


def text(service: str, ports: tuple[int, int], round_: int) -> str:
    lines = ["checkinterval=1", "checktimeout=3", 'logfile="/dev/null"']
    for virtual in range(1, 11):
        lines += [f"virtual=10.0.0.{virtual}:80", f"    service={service}", "    checktype=negotiate"]
        for server in range(20):
            last = (
                server + 1 if server >= 2 else 50 + 2 * (round_ % DIFFERENT) + server
            )  # two of twenty are others each time
            lines.append(f"    real=127.0.{virtual}.{last}:{ports[server % 2]} masq")
    return "\n".join(lines) + "\n"


def size() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Anonymous:")), 0)


def write(path: Path, content: str) -> None:
    path.write_text(content)


async def main(service: str, rounds: int, ports: tuple[int, int]) -> None:
    made = run.Daemon.__init__
    daemons: list[run.Daemon] = []

    def remember(daemon: run.Daemon, *arguments: object) -> None:
        daemons.append(daemon)
        made(daemon, *arguments)  # type: ignore[arg-type]

    setattr(run.Daemon, "__init__", remember)  # noqa: B010
    with tempfile.TemporaryDirectory() as folder:
        path, ready = Path(folder, "test.cf"), asyncio.Event()
        write(path, text(service, ports, 0))
        identity = Identity(path, Instance("test.cf", Path(folder)))
        serving = asyncio.create_task(run.serve(identity, load(path), SdNotify(), ready.set, Kernel()))
        await ready.wait()
        for _ in range(MAX_ENTRIES):  # the journal grows until it is full, and no further
            daemons[0].journal(ReloadRefused(("x" * JOURNAL_TEXT,)))
        for number in range(1, rounds + 1):
            write(path, text(service, ports, number))
            await daemons[0].reloader.reload()
            await asyncio.sleep(0.02 if FIRST < number < rounds else 0.5)  # as many in flight both times
            if number in (FIRST, rounds):
                print(size(), flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        await serving


if __name__ == "__main__":
    with subprocess.Popen(
        [sys.executable, "-m", "harness.fakes.web_and_silent"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as servers:
        assert servers.stdout
        web, hung = map(int, servers.stdout.readline().split())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(sys.argv[1], int(sys.argv[2]), (web, hung)))
        servers.stdin.close()  # type: ignore[union-attr]

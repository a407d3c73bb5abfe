"""The Perl original and ours, each installed on a host of its own, for what their commands do; neither has a kernel."""

from __future__ import annotations

import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.comparison.packaged_host import COMMAND, Packaged
from harness.host import ROOT
from harness.lab.namespace import eventually

CONFIG = "/etc/ha.d/ldirectord.cf"
LOG = "/var/log/ldirectord.log"
NO_KERNEL = "/run/no-kernel"
"""A file that lets a start of ours fail."""
WITHIN = 30.0
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PERLIO": "perlio"}
"""The original takes the first ldirectord on the path for itself; without the other word it starts itself twice."""

# The real command; the table alone is one in memory, and it loses patience after a second.
PROGRAM = f"""#!{sys.executable}
import sys
from pathlib import Path
sys.path.insert(0, "{ROOT}")
from ldirectord_py.cli import main
from ldirectord_py.daemon import process

process.STOP_SECONDS = 1
if sys.argv[-1] in {{"start", "restart", "try-restart", "run"}}:
    from ldirectord_py.daemon import run
    from ldirectord_py.errors import KernelError
    from ldirectord_py.ipvs.kernel import MemoryKernel

    class Kernel(MemoryKernel):
        async def read(self, *keys):
            if Path("{NO_KERNEL}").exists():
                raise KernelError("there is no IPVS")
            return await super().read(*keys)

        async def aclose(self):
            pass

    run.NetlinkKernel = Kernel
sys.exit(main())
"""
NOTHING = "#!/bin/sh\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a command: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


class Twin:
    """One of the two, by the same commands as the other."""

    def __init__(self, host: Packaged, *, ours: bool) -> None:
        self.ours = ours
        self.host = host

    def __call__(self, *words: str, within: float = 120) -> Said:
        """Return what `ldirectord WORDS` says; status 137 when it has not ended ``within`` so many seconds."""
        limit = ("timeout", "--signal=KILL", str(within), COMMAND, *words)
        status, _ = self.host.run("sh", "-c", '"$@" >/run/out 2>/run/err', "sh", *limit, **ENVIRONMENT)
        out, err = (self.host.path(f"/run/{name}").read_text(errors="replace") for name in ("out", "err"))
        return Said(status, out, err)

    def begin(self, *words: str) -> int:
        """Start a command that stays, and return its pid; its output is in /run/begun.out and /run/begun.err."""
        script = ': >/run/begun.out; : >/run/begun.err; "$@" </dev/null >/run/begun.out 2>/run/begun.err & echo $!'
        return int(self.host.run("sh", "-c", script, "sh", COMMAND, *words, **ENVIRONMENT)[1])

    def begun(self) -> tuple[str, str]:
        """Return what the command that stays has said so far."""
        out, err = (self.host.path(f"/run/begun.{name}").read_text() for name in ("out", "err"))
        return out, err

    def configure(self, text: str, place: str = CONFIG) -> None:
        """Write a configuration."""
        path = self.host.path(place)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def start(self) -> int:
        """Start the daemon and return its pid, of this host, once the pid file has it."""
        said = self("start")
        assert said.status == 0, said.err
        return self.await_pid()

    def await_pid(self, instance: str = "ldirectord") -> int:
        """Return the pid that the pid file names as soon as it does."""
        eventually(lambda: self.pid(instance) is not None, WITHIN, self.host.log)
        return int(self.pid_file(instance).read_text())

    def pid(self, instance: str = "ldirectord") -> int | None:
        """Return the pid that the pid file names, if such a process runs."""
        return self.host.daemon(instance)

    def pid_file(self, instance: str = "ldirectord") -> Path:
        """Return where the pid file lies for the test."""
        return self.host.path(f"/run/ldirectord.{instance}.pid")

    def runs(self, pid: int) -> bool:
        """Return whether a process of this host runs; one that only waits to be reaped does not."""
        status, text = self.host.run("cat", f"/proc/{pid}/stat")
        return status == 0 and text.rpartition(")")[2].split()[0] != "Z"

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process of this host."""
        self.host.run("kill", f"-{int(number)}", str(pid))

    def ended(self, pid: int) -> None:
        """Wait until a process of this host is gone."""
        eventually(lambda: not self.runs(pid), WITHIN, self.host.log)


@contextmanager
def twins(folder: Path) -> Iterator[tuple[Twin, Twin]]:
    """Yield the original and ours; what runs on their hosts ends with the block."""
    with ExitStack() as stack:
        hosts = [stack.enter_context(Packaged(folder / name, ("unshare", "--net"))) for name in ("original", "ours")]
        for host in hosts:
            host.run("ip", "link", "set", "lo", "up")
        original, ours = hosts
        cover(original, folder / "ipvsadm", NOTHING, "/usr/sbin/ipvsadm")
        cover(ours, folder / "ldirectord", PROGRAM, COMMAND)
        yield Twin(original, ours=False), Twin(ours, ours=True)


def await_added(twin: Twin) -> None:
    """Wait until the command that stays has told of its first row."""
    eventually(lambda: "Added real server" in "".join(twin.begun()), WITHIN, lambda: "no row was added")


def cover(host: Packaged, file: Path, text: str, place: str) -> None:
    """Put a program over another on a host; ``file`` is where it is written."""
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    status, output = host.run("mount", "--bind", str(file), place)
    assert status == 0, output

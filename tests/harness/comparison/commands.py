"""The Perl original and ours, each installed on a host of its own, to compare their commands; neither has IPVS."""

from __future__ import annotations

import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.comparison.packaged_host import COMMAND, PackagedHost
from harness.host import ROOT
from harness.lab.namespace import eventually

CONFIG = "/etc/ha.d/ldirectord.cf"
LOG = "/var/log/ldirectord.log"
NO_KERNEL = "/run/no-kernel"
"""If this file exists, starting our daemon fails."""
WITHIN = 30.0
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PERLIO": "perlio"}
"""The original runs the first ldirectord in PATH; without PERLIO it starts itself a second time."""

# The real command, with a table in memory, and only a second for a daemon to stop.
PROGRAM = f"""#!{sys.executable}
import sys
from pathlib import Path
sys.path.insert(0, "{ROOT}")
from ldirectord_py.cli import main
from ldirectord_py.instance import pid_file

pid_file.TERM_TIMEOUT = 1
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
class Completed:
    """The result of a command: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


class Installation:
    """One of the two installations; both have the same interface."""

    def __init__(self, host: PackagedHost, *, ours: bool) -> None:
        self.ours = ours
        self.host = host

    def __call__(self, *words: str, within: float = 120) -> Completed:
        """Run `ldirectord WORDS`; returns status 137 if it has not ended ``within`` so many seconds."""
        limit = ("timeout", "--signal=KILL", str(within), COMMAND, *words)
        status, _ = self.host.run("sh", "-c", '"$@" >/run/out 2>/run/err', "sh", *limit, **ENVIRONMENT)
        out, err = (self.host.path(f"/run/{name}").read_text(errors="replace") for name in ("out", "err"))
        return Completed(status, out, err)

    def start_command(self, *words: str) -> int:
        """Start a command in the background and return its pid; ``output`` returns its output."""
        script = ': >/run/begun.out; : >/run/begun.err; "$@" </dev/null >/run/begun.out 2>/run/begun.err & echo $!'
        return int(self.host.run("sh", "-c", script, "sh", COMMAND, *words, **ENVIRONMENT)[1])

    def output(self) -> tuple[str, str]:
        """Return standard output and error of the command in the background so far."""
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
        """Return the pid in the pid file as soon as it has one."""
        eventually(lambda: self.pid(instance) is not None, WITHIN, self.host.log)
        return int(self.pid_file(instance).read_text())

    def pid(self, instance: str = "ldirectord") -> int | None:
        """Return the pid in the pid file, if such a process runs."""
        return self.host.daemon(instance)

    def pid_file(self, instance: str = "ldirectord") -> Path:
        """Return the path of the pid file outside of the host."""
        return self.host.path(f"/run/ldirectord.{instance}.pid")

    def is_running(self, pid: int) -> bool:
        """Return whether a process of this host runs; a zombie does not."""
        status, text = self.host.run("cat", f"/proc/{pid}/stat")
        return status == 0 and text.rpartition(")")[2].split()[0] != "Z"

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process of this host."""
        self.host.run("kill", f"-{int(number)}", str(pid))

    def wait_for_end(self, pid: int) -> None:
        """Wait until a process of this host is gone."""
        eventually(lambda: not self.is_running(pid), WITHIN, self.host.log)


@contextmanager
def installations(folder: Path) -> Iterator[tuple[Installation, Installation]]:
    """Yield the original and ours; all processes of their hosts end with the block."""
    with ExitStack() as stack:
        hosts = [
            stack.enter_context(PackagedHost(folder / name, ("unshare", "--net"))) for name in ("original", "ours")
        ]
        for host in hosts:
            host.run("ip", "link", "set", "lo", "up")
        original, ours = hosts
        bind_over(original, folder / "ipvsadm", NOTHING, "/usr/sbin/ipvsadm")
        bind_over(ours, folder / "ldirectord", PROGRAM, COMMAND)
        yield Installation(original, ours=False), Installation(ours, ours=True)


def await_added(twin: Installation) -> None:
    """Wait until the command in the background has logged its first row."""
    eventually(lambda: "Added real server" in "".join(twin.output()), WITHIN, lambda: "no row was added")


def bind_over(host: PackagedHost, file: Path, text: str, place: str) -> None:
    """Write a program to ``file``, and mount it over another program of a host."""
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    status, output = host.run("mount", "--bind", str(file), place)
    assert status == 0, output

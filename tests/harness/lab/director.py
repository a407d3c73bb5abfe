"""The director of the lab: the namespace with the virtual addresses, our daemon in it, and its kernel's table."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from harness.host import program_path
from harness.lab.ip_vs_table import HEAD_LINES, Weights, WeightSampler, read_weights
from harness.lab.namespace import Namespace, end, eventually
from harness.lab.notify_socket import NotifySocket
from harness.machines.speed import lateness, lateness_now
from harness.own_process import Done, run_here
from harness.unexpected import in_log

INSTANCE = "lab"
DAEMON = "ldirectord"
START_SECONDS = 60.0  # emulated machines take several seconds to import
GIVE_UP_SECONDS = 120.0
"""How late something may be that a test still waits for, to say how late it was."""


class Director(Namespace):
    """The director: a config file, the daemon that runs it, and what the kernel's table says of it.

    The daemon runs as under systemd (``ldirectord CONFIG run``), and notifies the lab when it is ready. Its files are
    in ``folder``: ``lab.cf``, ``lab.log``, ``output``. ``confinement`` is the beginning of a command that runs it with
    fewer privileges.
    """

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, folder)
        self._daemon: subprocess.Popen[bytes] | None = None
        self._notify_socket: NotifySocket | None = None
        self.confinement: Sequence[str] = ()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._notify_socket is not None:
            self._notify_socket.close()
        if error is None:
            assert in_log(self.log()) == []

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / f"{INSTANCE}.cf"

    @property
    def logfile(self) -> Path:
        """The ``logfile`` that ``configure`` sets."""
        return self.folder / f"{INSTANCE}.log"

    def configure(self, text: str) -> None:
        """Write the configuration with ``logfile`` added; ``start`` or ``reload`` makes the daemon read it."""
        self.config.write_text(f'logfile = "{self.logfile}"\n{text}')

    def start(self, within: float = START_SECONDS) -> float:
        """Start the daemon; return the seconds until it was ready."""
        if self._notify_socket is None:
            self._notify_socket = NotifySocket(self.folder / "notify")
        self._notify_socket.drain()
        environment = {"NOTIFY_SOCKET": str(self._notify_socket.path), **self._folders}
        with (self.folder / "output").open("ab") as output:
            argv = (*self.confinement, DAEMON, str(self.config), "run")
            self._daemon = self.spawn(*argv, output=output, environment=environment)
        return self._ready(within)

    def command(self, *words: str) -> Done:
        """Run a command on the configuration, in the process of the test."""
        with self.entered():
            return run_here(str(self.config), *words, environment={"PATH": program_path(), **self._folders})

    def reload(self, within: float = 30.0) -> float:
        """Send SIGHUP; return the seconds until the daemon was ready again."""
        assert self._notify_socket is not None, "the daemon was never started"
        self._notify_socket.drain()
        self.process.send_signal(signal.SIGHUP)
        return self._ready(within)

    def stop(self) -> float:
        """Send SIGTERM and wait for the daemon's end; return the seconds that this took."""
        return end(self.process)

    def kill(self) -> None:
        """End the daemon with SIGKILL."""
        end(self.process, signal.SIGKILL)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The daemon's process."""
        assert self._daemon is not None, "the daemon was never started"
        return self._daemon

    def log(self) -> str:
        """Return the log and the output of the daemon so far."""
        paths = (self.folder / "output", self.logfile)
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

    def weights(self) -> Weights:
        """Return the kernel's table: service -> destination -> weight (see Weights)."""
        return read_weights(self._table)

    def rows(self) -> int:
        """Return how many services and destinations the kernel's table has."""
        return len(self._table.read_text().splitlines()) - HEAD_LINES

    def saved(self) -> list[str]:
        """Return the lines of ``ipvsadm --save --numeric``, sorted."""
        return sorted(line.rstrip() for line in self.run("ipvsadm", "-Sn").splitlines())

    def listing(self) -> str:
        """Return what ``ipvsadm -Ln`` prints."""
        return self.run("ipvsadm", "-Ln")

    def wait(self, service: str, expected: dict[str, int], within: float) -> float:
        """Wait until the service has exactly these destinations and weights; return the seconds that this took."""
        return eventually(
            lambda: self.weights().get(service) == expected,
            within,
            lambda: f"{service} {expected}\nis {self.weights().get(service)}\n{self.listing()}\n{self.log()[-4000:]}",
        )

    def wait_in_time(self, service: str, expected: dict[str, int], seconds: float) -> float:
        """Wait as ``wait``; fail if it took over ``seconds`` on an ordinary host, a second more for what takes time."""
        took = self.wait(service, expected, seconds + GIVE_UP_SECONDS)
        assert took <= seconds + lateness(1.0) or took <= seconds + lateness_now(1.0), f"{took:.1f} s\n{self.log()}"
        return took

    def wait_log(self, text: str, within: float) -> float:
        """Wait until the log contains ``text``; return the seconds that this took."""
        return eventually(lambda: text in self.log(), within, lambda: f"{text!r} in the log:\n{self.log()[-4000:]}")

    def watch(self) -> WeightSampler:
        """Return a Watch over the table, to be entered: it notes every change of a weight and when it came."""
        return WeightSampler(self._table)

    @property
    def _folders(self) -> dict[str, str]:
        return dict.fromkeys(("LDIRECTORD_RUNDIR", "LDIRECTORD_STATEDIR"), str(self.folder))

    @property
    def _table(self) -> Path:
        return Path(f"/proc/{self.anchor}/net/ip_vs")

    def _ready(self, within: float) -> float:
        began = time.monotonic()
        assert self._notify_socket is not None
        if not self._notify_socket.ready(within, lambda: self.process.poll() is None):
            raise AssertionError(
                f"the daemon did not get ready in {within:g} s (exit {self.process.poll()})\n{self.log()}"
            )
        return time.monotonic() - began

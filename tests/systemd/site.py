"""What the tests do with a director under systemd: its file, its unit, the kernel's table, traffic, the journal."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from harness.host import ROOT
from harness.lab.client import Request
from harness.lab.ip_vs_table import Weights, parse_weights
from harness.lab.lab import SPARE_VIPS, VIP
from harness.machines.speed import slowness, slowness_now
from systemd.debian import Guest, Result

UNIT: Final = "ldirectord.service"
CONFIG: Final = "/etc/ha.d/ldirectord.cf"
DROP_INS: Final = "/etc/systemd/system/{}.d"
LOG: Final = "/var/log/ldirectord.log"
WEB1, WEB2, WEB3 = "10.9.1.11:80", "10.9.1.12:80", "10.9.1.13:80"
WEB: Final = f"TCP {VIP}:80"
OTHER_VIP: Final = SPARE_VIPS[0]
WITHIN: Final = 60.0
"""Seconds within which something has to happen that takes seconds, on an ordinary idle host."""

LOOK_SECONDS: Final = 0.25
"""Between two looks at the machine, each of which costs it a process."""

UNIT_SECONDS: Final = (90, 15, 30)
"""Of the units, for a start, a stop and the watchdog: too short on a host that is slower than MAX_SLOWNESS."""

MAX_SLOWNESS: Final = 3.0

_TESTS: Final = "PYTHONPATH=/opt/project/tests"
_LAB: Final = "/opt/project/tests/harness/lab"
_CLIENT: Final = ("ip", "netns", "exec", "client", "python3", "-I", "-S")


def virtual(*reals: str, vip: str = VIP, more: str = "") -> str:
    """Return a virtual with these real servers; ``more`` has further lines of it."""
    rows = "".join(f"    real = {real} masq\n" for real in reals)
    check = '    service = http\n    request = "health"\n    receive = "healthy"\n'
    return f"virtual = {vip}:80\n{rows}    scheduler = wrr\n{check}{more}"


def configuration(*virtuals: str, more: str = "cleanstop = no\n") -> str:
    """Return a configuration; ``more`` has further global lines of it."""
    return f"checkinterval = 1\nchecktimeout = 20\n{more}{''.join(virtuals)}"


def wait_for(holds: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    """Wait until this holds; AssertionError with ``otherwise()`` if it does not in time."""
    began = time.monotonic()
    while not holds():
        waited = time.monotonic() - began
        assert waited < WITHIN * slowness() or waited < WITHIN * slowness_now(), otherwise()
        time.sleep(LOOK_SECONDS)


class Recording:
    """The lines that a service of the site has written to a file."""

    def __init__(self, guest: Guest, path: str) -> None:
        self._guest, self._path = guest, path

    def lines(self) -> list[str]:
        """Return the complete lines."""
        return self._guest.read(self._path).rpartition("\n")[0].splitlines()


class Requests(Recording):
    """The requests of a client that have ended."""

    def all(self) -> list[Request]:
        """Return all."""
        return [Request.parse(line) for line in self.lines()]

    def failures(self) -> list[Request]:
        """Return those that failed."""
        return [request for request in self.all() if request.failure]

    def counts(self) -> Counter[str]:
        """Return how many each server answered."""
        return Counter(request.server for request in self.all() if not request.failure)

    def wait(self, count: int) -> None:
        """Wait until so many more have ended."""
        wanted = len(self.lines()) + count
        wait_for(lambda: len(self.lines()) >= wanted, lambda: "\n".join(self.lines()[-5:]))


class TableWatch(Recording):
    """What the kernel's table has been."""

    def weights(self, service: str, destination: str) -> list[int | None]:
        """Return the successive weights of a destination, None while it had no row; ``[1]`` if it never changed."""
        found: list[int | None] = []
        for line in self.lines():
            weight = json.loads(line).get(service, {}).get(destination)
            if not found or found[-1] != weight:
                found.append(weight)
        return found


class Site:
    """A client, three real servers and the director between them, in one Debian; ``reset`` before each test."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._since = ""

    def reset(self) -> None:
        """End all directors, and forget what they have done."""
        self._since = self.guest.script("reset.sh", *self._patience()).splitlines()[-1]

    def _patience(self) -> list[str]:
        """Return the times of the unit in seconds for a slow host: of a start, of a stop, of the watchdog."""
        times = slowness_now()
        return [f"{usual * times:.0f}" for usual in UNIT_SECONDS] if times > MAX_SLOWNESS else []

    def configure(self, text: str, path: str = CONFIG) -> None:
        """Write a configuration."""
        self.guest.write(path, text)

    def drop_in(self, name: str, text: str, unit: str = UNIT) -> None:
        """Add a file to the settings of a unit."""
        self.guest.write(f"{DROP_INS.format(unit)}/{name}", text)
        self.guest.run("systemctl", "daemon-reload")

    def shipped_drop_in(self, name: str, unit: str = UNIT) -> None:
        """Add a file of ``systemd/``."""
        self.drop_in(name, (ROOT / "systemd" / name).read_text(), unit)

    def systemctl(self, verb: str, unit: str = UNIT) -> Result:
        """Return the result of a verb of systemctl on a unit."""
        return self.guest.call("systemctl", "--no-pager", verb, unit)

    def start(self, unit: str = UNIT) -> None:
        """Start a director."""
        result = self.systemctl("start", unit)
        assert result.status == 0, f"{result.output}\n{self.evidence(unit)}"

    def direct(self, *reals: str, more: str = "cleanstop = no\n") -> None:
        """Start a director with one virtual of these real servers, and wait until it has them all."""
        self.configure(configuration(virtual(*reals), more=more))
        self.start()
        self.wait(WEB, dict.fromkeys(reals, 1))

    def value(self, name: str, unit: str = UNIT) -> str:
        """Return a property of a unit."""
        return self.guest.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def pid(self, unit: str = UNIT) -> str:
        """Return the process id of a director, 0 if it does not run."""
        return self.value("MainPID", unit)

    def children(self, unit: str = UNIT) -> list[str]:
        """Return the process ids of what a director has started and still runs."""
        return self.guest.call("pgrep", "--parent", self.pid(unit)).output.split()

    def get(self, path: str, port: int) -> str:
        """Return the body of an answer of the director over HTTP, or the kind of failure (see Request)."""
        once = ("python3", "-I", "-S", f"{_LAB}/requests.py", "once", "30", "127.0.0.1", str(port), path)
        request = Request.parse(self.guest.run(*once).rstrip("\n"))
        return request.failure or request.server

    def process(self, pid: str) -> dict[str, str]:
        """Return what the kernel says of a process: the fields of its /proc/PID/status."""
        lines = self.guest.read(f"/proc/{pid}/status").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def journal(self, *matches: str) -> str:
        """Return the texts of the entries since the reset that match, as those of journalctl(1)."""
        return self.guest.run("journalctl", "--quiet", "--since", self._since, "--output", "cat", *matches)

    def entries(self, *matches: str) -> list[dict[str, Any]]:
        """Return these entries with all their fields."""
        text = self.guest.run("journalctl", "--quiet", "--since", self._since, "--output", "json", *matches)
        return [json.loads(line) for line in text.splitlines()]

    def log(self) -> str:
        """Return the log, "" if there is none."""
        return self.guest.run("sh", "-c", 'cat "$1" || true', "sh", LOG)

    def evidence(self, unit: str = UNIT) -> str:
        """Return what is known of a unit, for error messages."""
        parts = (self.systemctl("status", unit).output, self.journal("--unit", unit), self.log()[-3000:])
        return "\n---\n".join(parts)

    def weights(self) -> Weights:
        """Return the kernel's table."""
        return parse_weights(self.guest.read("/proc/net/ip_vs"))

    def wait(self, service: str, expected: dict[str, int]) -> None:
        """Wait until a service has exactly these destinations and weights."""
        self.until(lambda: self.weights().get(service) == expected, lambda: f"{service} {expected}\n{self.weights()}")

    def until(self, holds: Callable[[], bool], otherwise: Callable[[], str] = lambda: "") -> None:
        """Wait until this holds; AssertionError if it does not in time."""
        wait_for(holds, lambda: f"{otherwise()}\n{self.evidence()}")

    def sicken(self, server: str) -> None:
        """Let the page fail that tells the health of a server."""
        self.guest.run("touch", _sick(server))

    def heal(self, server: str) -> None:
        """Undo ``sicken``."""
        self.guest.run("rm", _sick(server))

    @contextmanager
    def traffic(self, vip: str = VIP) -> Iterator[Requests]:
        """Send requests, each on a new connection, during the block."""
        argv = (*_CLIENT, f"{_LAB}/requests.py", "endless", "30", vip, "80", "1", "0.2")
        with self._service("traffic" if vip == VIP else f"traffic-{vip}", argv) as path:
            yield Requests(self.guest, path)

    @contextmanager
    def held_connection(self, vip: str = VIP) -> Iterator[Requests]:
        """Send requests on one connection during the block."""
        argv = (*_CLIENT, f"{_LAB}/one_connection.py", vip, "80", "0.2", "30", "reset")
        with self._service("held", argv) as path:
            yield Requests(self.guest, path)

    @contextmanager
    def watch(self) -> Iterator[TableWatch]:
        """Watch the kernel's table during the block."""
        argv = ("python3", "-P", "/opt/project/tests/systemd/inside/watch_table.py")
        with self._service("watch", argv) as path:
            watch = TableWatch(self.guest, path)
            wait_for(lambda: watch.lines() != [], lambda: "the watch does not begin")
            yield watch

    @contextmanager
    def _service(self, name: str, argv: Sequence[str]) -> Iterator[str]:
        """Run a program as a transient service during the block; yield the file that has its output."""
        path = f"/run/{name}"
        output = ("--service-type=exec", f"--property=StandardOutput=truncate:{path}")  # its file is there when it runs
        self.guest.run("systemd-run", "--quiet", "--collect", f"--unit={name}", *output, f"--setenv={_TESTS}", *argv)
        try:
            yield path
        finally:
            self.guest.call("systemctl", "stop", f"{name}.service")


def _sick(server: str) -> str:
    return f"/run/site/sick-{server.partition(':')[0]}"

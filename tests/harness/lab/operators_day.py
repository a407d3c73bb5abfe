"""Two web servers behind a director, and an operator who looks after it for a day."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from harness.lab.client import get
from harness.lab.following import Following
from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually
from harness.lab.operator import Operator
from harness.lab.real_server import RealServer

WEB, VIRTUAL = f"TCP {VIP}:80", f"tcp:{VIP}:80"
PORT: Final = 9100
WITHIN: Final = 60.0
"""Seconds; a processor that is emulated takes ten to start a daemon."""

CONFIG: Final = """\
checkinterval = 1
checktimeout = 3
negotiatetimeout = 3
{settings}
virtual = {vip}:80
    real = {first}:80 masq {weight}
    real = {second}:80 masq 3
    scheduler = wrr
    service = http
    request = "health"
    receive = "healthy"
"""
PAGE: Final = f"listen = {PORT}"
"""A setting that the original does not know."""


class Day:
    """The lab of the day, with its servers. Its state: the server that is drained."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.director = lab, lab.director
        self.operator = Operator(lab.director)
        self.run = self.operator.run
        self.web1, self.web2 = lab.real("web1"), lab.real("web2")
        self.first, self.second = row(self.web1), row(self.web2)
        self.drained = ""

    def configure(self, weight: int = 3, more: str = "", settings: str = PAGE) -> None:
        """Write the configuration; ``weight`` is that of the first server, ``more`` follows the virtual."""
        values = {"first": self.web1.address, "second": self.web2.address, "weight": weight, "settings": settings}
        self.director.configure(CONFIG.format(vip=VIP, **values) + more)

    def wait(self) -> None:
        """Wait until the kernel has both servers with weight 3, but for those that are drained."""
        weights = {server: 0 if server == self.drained else 3 for server in (self.first, self.second)}
        self.director.wait(WEB, weights, WITHIN)

    def change_weight(self, server: str, weight: int) -> None:
        """Change a weight as somebody at the shell does."""
        self.director.run("ipvsadm", "-e", "-t", f"{VIP}:80", "-r", server, "-m", "-w", str(weight))

    def events(self, since: str) -> list[Any]:
        """Return what ``events --since`` prints for programs."""
        return self.run("events", "--json", "--since", since).lines()

    def position(self) -> str:
        """Return where ``events --since`` goes on with what happens from now on."""
        last = self.run("events", "--json").lines()[-1]
        return f"{last['epoch']}:{last['seq']}"

    def administrative(self) -> Any:
        """Return what ``show`` says of the drain."""
        return found(self.run("show", "--json", self.drained).json(), self.drained)["administrative"]

    def page(self, path: str, text: str) -> str:
        """Return an answer of the page's process, as soon as a text is in it."""
        answers = [""]

        def comes() -> bool:
            answers.append(get(self.director, "127.0.0.1", path, PORT))
            return text in answers[-1]

        eventually(comes, WITHIN, lambda: f"{text} in {answers[-1]}\n{self.director.log()}")
        return answers[-1]

    @contextmanager
    def following(self, *words: str) -> Iterator[Following]:
        """Run a command that goes on, with ``--json``; it is ended after the block at the latest."""
        path = self.director.folder / words[0]
        with path.open("wb") as output, path.with_suffix(".errors").open("wb") as errors:
            command = self.operator.command(*words, "--json")
            process = subprocess.Popen(command, stdout=output, stderr=errors, env=self.operator.environment)
        with process:
            try:
                yield Following(process, path)
            finally:
                process.send_signal(signal.SIGTERM)


def row(server: RealServer) -> str:
    """Return a web server as the kernel's table names it."""
    return f"{server.address}:80"


def found(answer: Any, server: str) -> Any:
    """Return a real server of an answer to ``show``."""
    [shown] = [real for virtual in answer["virtuals"] for real in virtual["reals"] if real["real"] == server]
    return shown

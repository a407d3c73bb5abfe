"""``shadow`` beside the Perl original: nothing to report while both find the same, and a row that somebody changes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.comparison.packaged_host import COMMAND, PackagedHost
from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually

CONFIG = "/etc/ha.d/ldirectord.cf"
WEB = f"TCP {VIP}:80"
SLOW = 60.0  # emulated, Perl alone takes seconds to start
INTERVAL = 4
LONG = INTERVAL + 3.0
"""Seconds after which a difference would have been reported."""

pytestmark = pytest.mark.skipif(not Path(COMMAND).exists(), reason="apt-get install ldirectord")


@pytest.fixture
def host(lab: Lab, tmp_path: Path) -> Iterator[PackagedHost]:
    """A host in the director's network that has Debian's ldirectord."""
    with PackagedHost(tmp_path / "host", ("ip", "netns", "exec", lab.director.netns)) as host:
        yield host


class Beside:
    """A shadow that runs beside the director, and what it has printed."""

    def __init__(self, lab: Lab, config: Path, output: Path) -> None:
        self._output = output
        with output.open("wb") as file:
            self.process = lab.director.spawn(
                *("ldirectord", str(config), "shadow", "--json"),
                output=file,
                environment={"LDIRECTORD_RUNDIR": str(output.parent / "none")},
            )
        eventually(lambda: bool(self.lines()), SLOW, self._output.read_text)

    def lines(self) -> list[dict[str, Any]]:
        text = self._output.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines()]

    def end(self) -> tuple[int, dict[str, Any]]:
        """End it as Ctrl-C does; return its exit status and its verdict."""
        self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(SLOW)
        except subprocess.TimeoutExpired:
            pytest.fail(self._output.read_text())
        return status, self.lines()[-1]


@pytest.mark.takes(35)
def test_beside_the_original(lab: Lab, host: PackagedHost, tmp_path: Path) -> None:
    web1, web2 = lab.real("web1"), lab.real("web2")
    first, second = f"{web1.address}:80", f"{web2.address}:80"
    host.path(CONFIG).write_text(
        f"checkinterval = {INTERVAL}\nchecktimeout = 3\nquiescent = yes\n"
        f'logfile = "/var/log/ldirectord.log"\nvirtual = {VIP}:80\n'
        f"    real = {web1.address}:80 masq\n    real = {web2.address}:80 masq\n    service = http\n"
        '    request = "health"\n    receive = "healthy"\n'
    )
    status, output = host.run(COMMAND, CONFIG, "start")
    assert status == 0, output
    lab.director.wait(WEB, {first: 1, second: 1}, SLOW)

    beside = Beside(lab, host.path(CONFIG), tmp_path / "same")
    web1.fail_health()
    lab.director.wait(WEB, {first: 0, second: 1}, SLOW)
    time.sleep(LONG)
    web1.restore_health()
    lab.director.wait(WEB, {first: 1, second: 1}, SLOW)
    time.sleep(LONG)
    status, verdict = beside.end()
    assert (status, verdict["same"], beside.events()) == (0, True, ["begin", "verdict"])

    beside = Beside(lab, host.path(CONFIG), tmp_path / "different")
    lab.director.run("ipvsadm", "-e", *f"-t {VIP}:80 -r {second} -m -w 7".split())
    eventually(lambda: "differs" in beside.events(), SLOW, lambda: str(beside.lines()))
    lab.director.run("ipvsadm", "-e", *f"-t {VIP}:80 -r {second} -m -w 1".split())
    eventually(lambda: "same-again" in beside.events(), SLOW, lambda: str(beside.lines()))
    status, verdict = beside.end()
    difference = beside.lines()[1]
    assert (status, verdict["differences"], verdict["ongoing"]) == (1, 1, 0)
    assert (difference["kernel"], difference["ours"]) == ("-m -w 7", "-m -w 1")
    assert difference["reason"].startswith("up: ")
    assert host.daemon("ldirectord.cf") is not None

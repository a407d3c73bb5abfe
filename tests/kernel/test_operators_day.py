"""A day of an operator, with the real command line on one director, from the first plan to the stop."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from harness.lab.client import Traffic, get
from harness.lab.lab import VIP, Lab
from harness.lab.namespace import end, eventually, python
from harness.lab.operator import Operator
from harness.lab.real_server import RealServer
from harness.terminal import terminal

WEB, VIRTUAL = f"TCP {VIP}:80", f"tcp:{VIP}:80"
PORT = 9100
WITHIN = 60.0  # seconds; a processor that is emulated takes ten to start a daemon
WHY = "new kernel"
ONE_CONNECTION = Path(__file__).parents[1] / "harness" / "lab" / "one_connection.py"

CONFIG = """\
checkinterval = 1
checktimeout = 3
negotiatetimeout = 3
listen = {port}
virtual = {vip}:80
    real = {first}:80 masq {weight}
    real = {second}:80 masq 3
    scheduler = wrr
    service = http
    request = "health"
    receive = "healthy"
"""


class Day:
    """Two web servers behind a director, and an operator. Its state: the server that is drained."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.director = lab, lab.director
        self.operator = Operator(lab.director)
        self.run = self.operator.run
        self.web1, self.web2 = lab.real("web1"), lab.real("web2")
        self.first, self.second = row(self.web1), row(self.web2)
        self.drained = ""

    def configure(self, weight: int = 3, more: str = "") -> None:
        """Write the configuration; ``weight`` is that of the first server."""
        text = CONFIG.format(port=PORT, vip=VIP, first=self.web1.address, second=self.web2.address, weight=weight)
        self.director.configure(text + more)

    def wait(self) -> None:
        """Wait until the kernel has both servers with weight 3, but for those that are drained."""
        weights = {server: 0 if server == self.drained else 3 for server in (self.first, self.second)}
        self.director.wait(WEB, weights, WITHIN)

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
    def one_connection(self) -> Iterator[Traffic]:
        """Send requests on one connection, which is reset when the block ends."""
        path = self.lab.client.folder / "one"
        with path.open("wb") as output:
            process = self.lab.client.spawn(*python(ONE_CONNECTION, VIP, "80", "0.2", "20", "reset"), output=output)
        try:
            yield Traffic(path)
        finally:
            end(process)

    @contextmanager
    def follower(self) -> Iterator[Path]:
        """Run ``events --follow``; yield the file to which it writes."""
        path = self.director.folder / "followed"
        with path.open("wb") as output:
            words = self.operator.command("events", "--follow", "--json")
            process = subprocess.Popen(words, stdout=output, stderr=subprocess.DEVNULL, env=self.operator.environment)
        with process:
            try:
                yield path
            finally:
                process.send_signal(signal.SIGTERM)


def row(server: RealServer) -> str:
    return f"{server.address}:80"


def found(answer: Any, server: str) -> Any:
    """Return a real server of an answer to ``show``."""
    [shown] = [real for virtual in answer["virtuals"] for real in virtual["reals"] if real["real"] == server]
    return shown


@pytest.fixture
def day(lab: Lab) -> Iterator[Day]:
    day = Day(lab)
    day.configure()
    try:
        yield day
    finally:
        day.operator.finish(day.operator.begin("stop"))


@pytest.mark.takes(65)
def test_a_day_of_an_operator(day: Day) -> None:
    first_start(day)
    with day.follower() as followed:
        for hour in (changed_file, bad_file, failure, drain, crash, reboot, undrain):
            began = time.monotonic()
            hour(day)
            print(f"{hour.__name__}: {time.monotonic() - began:.1f} s")
        last = json.dumps(day.events("0")[-1])
        eventually(lambda: last in followed.read_text().splitlines(), WITHIN, followed.read_text)
    assert_without_gaps(followed)
    day.run("stop")
    day.run("status", status=3)
    assert day.director.weights() == {}


def first_start(day: Day) -> None:
    """Ask the doctor, plan, start; afterwards nothing is left to be done."""
    examined = day.operator.finish(day.operator.begin("doctor", "--json"))
    assert examined.status in (0, 1), examined
    findings = examined.json()["findings"]
    assert examined.status == bool(findings)
    assert {finding["gravity"] for finding in findings} <= {"hint"}
    planned = day.run("plan", "--json", "--assume", "up", status=3).json()["changes"]
    assert day.director.weights() == {}
    assert [change["command"] for change in planned] == [
        f"ipvsadm -A -t {VIP}:80 -s wrr",
        f"ipvsadm -a -t {VIP}:80 -r {day.first} -m -w 3",
        f"ipvsadm -a -t {VIP}:80 -r {day.second} -m -w 3",
    ]
    day.run("start")
    day.run("status")
    day.wait()
    assert day.run("plan", "--json").json()["changes"] == []


def changed_file(day: Day) -> None:
    """Plan a changed file; when the reload has ended, the table is as planned."""
    day.configure(weight=5)
    assert f"~ ipvsadm -e -t {VIP}:80 -r {day.first} -m -w 5" in day.run("plan", status=3).text
    day.run("reload")
    assert day.director.weights()[WEB] == {day.first: 5, day.second: 3}


def bad_file(day: Day) -> None:
    """The place of the error is told; the table and the configuration in force stay."""
    before, since = day.director.saved(), day.position()
    day.configure(weight=1, more="    sheduler = rr\n")
    path = day.director.config
    place = f"{path}:{len(path.read_text().splitlines())}:5: "
    refused = day.run("reload", status=2)
    assert refused.errors.startswith(place)
    day.director.wait_log(place, WITHIN)
    assert day.director.saved() == before
    shown = day.run("show", "--json").json()
    assert found(shown, day.first)["configured"]["weight"] == 5
    assert [event["event"] for event in day.events(since)] == ["configuration-refused"]
    day.configure()
    day.run("reload")
    day.wait()


def failure(day: Day) -> None:
    """A server dies: log, show, events, check-now, the page and its metrics have the same reason."""
    since, server = day.position(), day.second
    assert day.run("show", "--down").text == "Nothing is down, and nothing disagrees\n"
    day.web2.stop()
    day.director.wait(WEB, {day.first: 3}, WITHIN)

    shown = found(day.run("show", "--down", "--json", status=3).json(), server)["observed"]
    assert (shown["up"], shown["code"]) == (False, "L4CON")
    reason = shown["reason"]
    message = f"Real server {server} ({VIRTUAL}) is down: {reason}"
    day.director.wait_log(message, WITHIN)
    [event] = [event for event in day.events(since) if event["event"] == "server-down"]
    assert (event["real"], event["code"], event["reason"], event["message"]) == (server, "L4CON", reason, message)
    assert f"{message} [L4CON]\n" in day.run("events", "--since", since).text
    [checked] = day.run("check-now", "--json", server, status=1).json()
    assert (checked["verdict"], checked["code"], checked["reason"]) == ("down", "L4CON", reason)
    assert f'"reason":"{reason}"' in day.page("/api/show", '"up":false')
    assert message in day.page("/api/events?since=0", message)
    metric = rf'ldirectord_real_last_check_info{{.*remote_address="{day.web2.address}".*code="L4CON"}} 1'
    assert re.search(metric, day.page("/metrics", "ldirectord_real_last_check_info"))

    day.web2.start()
    day.wait()
    day.run("check-now", "*")
    day.run("show", "--down")


def drain(day: Day) -> None:
    """An open connection goes on; the wait ends with 4 while there is one, and with 0 when it has ended."""
    with day.one_connection() as connection:
        connection.wait(requests=2, within=WITHIN)
        day.drained = day.first if day.web1.name in connection.counts() else day.second
        late = day.run("drain", day.drained, "--why", WHY, "--wait", "1", status=4)
        assert f"{VIRTUAL}/{day.drained}: ready -> drain by root: {WHY}\n" in late.text
        assert "1 connection (1 active, 0 inactive, 0 persistent)" in late.text
        day.wait()
        connection.wait(requests=2, within=WITHIN)
        assert connection.failures() == []
    waiting = day.operator.begin("drain", day.drained, "--why", WHY, "--wait", str(int(WITHIN)))
    with terminal(day.operator.command("top"), day.operator.environment) as screen:
        screen.wait_for(day.drained, WITHIN)
        screen.wait_for("drained by root", WITHIN)
        screen.press("q")
        assert screen.process.wait(WITHIN) == 0
    done = day.operator.finish(waiting)
    assert (done.status, done.text.splitlines()[-1]) == (0, "0 connections (0 active, 0 inactive, 0 persistent)")
    drained = day.administrative()
    assert (drained["state"], drained["who"], drained["why"]) == ("drain", "root", WHY)


def crash(day: Day) -> None:
    """After kill -9 it stays drained; whoever reads events learns that it is another daemon, and has all of it."""
    before, since = day.administrative(), day.position()
    with day.director.watch() as watch:
        day.operator.kill_daemon()
        day.run("start")
        day.wait()
    assert watch.weights(WEB, day.drained) == [0]
    day.director.wait_log(f"stays drained by root: {WHY}", WITHIN)
    assert day.administrative() == before
    gap, *events = day.events(since)
    assert "another daemon" in gap["gap"]["reason"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    middle = events[len(events) // 2]
    rest = day.events(f"{middle['epoch']}:{middle['seq']}")
    assert rest[: len(events) - middle["seq"]] == events[middle["seq"] :]


def reboot(day: Day) -> None:
    """A boot leaves only the state file, and the server is drained from its first row on."""
    before = day.administrative()
    day.run("stop")
    day.director.run("ipvsadm", "-C")
    shutil.rmtree(day.operator.run_folder)
    day.operator.run_folder.mkdir()
    with day.director.watch() as watch:
        day.run("start")
        day.wait()
    assert watch.weights(WEB, day.drained) == [None, 0]
    assert day.administrative() == before


def undrain(day: Day) -> None:
    """The server gets clients again."""
    done = day.run("undrain", day.drained, "--wait", str(int(WITHIN)))
    assert done.text.splitlines()[-1] == "1 of 1 servers have weight"
    assert day.administrative()["state"] == "ready"
    day.drained = ""
    day.wait()
    assert day.run("plan").text.startswith("No change")


def assert_without_gaps(followed: Path) -> None:
    """Three daemons ran: of each the follower has every event from the first to the last that it has."""
    lines = [json.loads(line) for line in followed.read_text().splitlines()]
    daemons = [list(group) for _, group in groupby(lines, lambda line: line["epoch"])]
    assert len(daemons) == 3
    for number, events in enumerate(daemons):
        gaps = [event["gap"] for event in events if "gap" in event]
        assert len(gaps) == (number > 0)
        numbers = [event["seq"] for event in events if "seq" in event]
        assert numbers == list(range(1, len(numbers) + 1))

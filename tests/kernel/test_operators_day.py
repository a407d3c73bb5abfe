"""A day of an operator, with the real command line on one director, from the Perl original to the stop."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from harness.comparison.packaged_host import COMMAND, PackagedHost
from harness.lab.following import Following
from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually
from harness.lab.operators_day import VIRTUAL, WEB, WITHIN, Day, found
from harness.terminal import terminal

WHY = "new kernel"
DIFFERENCE_SECONDS = 4.0
"""After which a shadow would have reported a difference: the interval, and a second of slack."""

pytestmark = pytest.mark.skipif(not Path(COMMAND).exists(), reason="apt-get install ldirectord")


@pytest.fixture
def day(lab: Lab) -> Iterator[Day]:
    day = Day(lab)
    day.configure()
    try:
        yield day
    finally:
        day.operator.finish(day.operator.begin("stop"))


@pytest.mark.takes(90)
def test_a_day_of_an_operator(day: Day, host: PackagedHost) -> None:
    examine(day)
    beside_the_original(day, host)
    move_over(day, host)
    with day.following("events", "--follow") as followed:
        for hour in (changed_file, bad_file, failure, drain, crash, reboot, undrain):
            began = time.monotonic()
            hour(day)
            print(f"{hour.__name__}: {time.monotonic() - began:.1f} s")
        last = day.events("0")[-1]
        eventually(lambda: last in followed.lines(), WITHIN, lambda: str(followed.lines()))
    assert_without_gaps(followed)
    day.run("stop")
    day.run("status", status=3)
    assert day.director.weights() == {}


def examine(day: Day) -> None:
    """Before anything directs: ask the doctor, and plan."""
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


def beside_the_original(day: Day, host: PackagedHost) -> None:
    """A shadow finds what the original finds, also of a server that fails; and what somebody else changes."""
    day.configure(settings="cleanstop = no")
    status, output = host.run(COMMAND, str(day.director.config), "start")
    assert status == 0, output
    day.wait()
    with day.following("shadow") as shadow:
        shadow.wait_for("begin", WITHIN)
        day.web1.fail_health()
        day.director.wait(WEB, {day.second: 3}, WITHIN)
        time.sleep(DIFFERENCE_SECONDS)
        day.web1.restore_health()
        day.wait()
        time.sleep(DIFFERENCE_SECONDS)
        assert shadow.end() == 0
        assert (shadow.named(), shadow.lines()[-1]["same"]) == (["begin", "verdict"], True)
    with day.following("shadow") as shadow:
        shadow.wait_for("begin", WITHIN)
        day.change_weight(day.second, 7)
        shadow.wait_for("differs", WITHIN)
        day.change_weight(day.second, 3)
        shadow.wait_for("same-again", WITHIN)
        assert shadow.end() == 1
        _, difference, _, verdict = shadow.lines()
    assert (verdict["differences"], verdict["ongoing"]) == (1, 0)
    assert (difference["kernel"], difference["ours"]) == ("-m -w 7", "-m -w 3")
    assert difference["reason"].startswith("up: ")


def move_over(day: Day, host: PackagedHost) -> None:
    """The original leaves its table, and the start takes it over: no weight changes."""
    assert host.daemon(day.director.config.name) is not None
    with day.director.watch() as watch:
        status, output = host.run(COMMAND, str(day.director.config), "stop")
        assert status == 0, output
        eventually(lambda: host.daemon(day.director.config.name) is None, WITHIN, day.director.log)
        day.configure()
        assert day.run("plan").text.startswith("No change")
        day.run("start")
        day.run("status")
        checked = day.run("check-now", "*").text.splitlines()
        assert [line.split()[0] for line in checked] == ["up", "up"]
    assert [watch.weights(WEB, server) for server in (day.first, day.second)] == [[3], [3]]
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
    with day.lab.client.one_connection(VIP) as connection:
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
    assert done.text.splitlines()[-1] == "1 of 1 server with weight"
    assert day.administrative()["state"] == "ready"
    day.drained = ""
    day.wait()
    assert day.run("plan").text.startswith("No change")


def assert_without_gaps(followed: Following) -> None:
    """Three daemons ran: of each the follower has every event from the first to the last that it has."""
    daemons = [list(group) for _, group in groupby(followed.lines(), lambda line: line["epoch"])]
    assert len(daemons) == 3
    for number, events in enumerate(daemons):
        gaps = [event["gap"] for event in events if "gap" in event]
        assert len(gaps) == (number > 0)
        numbers = [event["seq"] for event in events if "seq" in event]
        assert numbers == list(range(1, len(numbers) + 1))

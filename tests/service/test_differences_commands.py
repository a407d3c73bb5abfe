"""The section "Command line and process" of docs/differences.md: the Perl original and ours run the same commands."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.comparison.commands import (
    CONFIG,
    NO_KERNEL,
    WITHIN,
    Completed,
    Installation,
    await_added,
    bind_over,
    installations,
)
from harness.comparison.packaged_host import COMMAND, UNIT
from harness.comparison.perl import needs_original
from harness.host import ROOT
from harness.lab.namespace import eventually

pytestmark = [
    needs_original,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts over /usr/sbin/ldirectord, in a namespace: needs root"),
]

LOGGED = 'logfile = "/var/log/ldirectord.log"\n'
GOOD = f"{LOGGED}checkinterval = 1\nvirtual = 192.0.2.1:80\n    real = 127.0.0.1:80 masq\n    checktype = on\n"
BROKEN = "virtual = 192.0.2.1:80\n    bogus = 1\n"

Pair = tuple[Installation, Installation]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """The original and ours, with a good configuration."""
    with installations(tmp_path) as pair:
        for twin in pair:
            twin.configure(GOOD)
        yield pair


@pytest.mark.difference("A broken configuration and `status`, `stop`, `reload`")
def test_a_broken_file_while_it_runs(pair: Pair) -> None:
    for twin in pair:
        pid = twin.start()
        twin.configure(BROKEN)
        for command in ("status", "reload", "stop"):
            refused = command == "reload" or not twin.ours
            assert (command, twin(command).status) == (command, 2 if refused else 0)
            if not twin.ours:
                assert (twin.is_running(pid), twin.pid_file().exists()) == (True, False)
                twin.pid_file().write_text(f"{pid}\n")
        assert twin.is_running(pid) != twin.ours


@pytest.mark.difference("A broken configuration and `status`, `stop`, `reload`")
def test_no_file_while_it_runs(pair: Pair) -> None:
    for twin in pair:
        twin.start()
        twin.host.path(CONFIG).unlink()
        statuses = [twin(command).status for command in ("status", "reload", "stop")]
        assert statuses == ([0, 2, 0] if twin.ours else [1, 1, 1])


@pytest.mark.difference("A broken configuration and `status`, `stop`, `reload`")
def test_a_broken_file_while_nothing_runs(pair: Pair) -> None:
    for twin in pair:
        twin.configure(BROKEN)
        statuses = [twin(command).status for command in ("status", "reload", "stop")]
        assert statuses == ([2, 1, 0] if twin.ours else [2, 2, 2])


@pytest.mark.difference("A broken configuration and `restart`, `try-restart`")
def test_a_broken_file_and_a_restart(pair: Pair) -> None:
    for twin in pair:
        pid = twin.start()
        twin.configure(BROKEN)
        for command in ("restart", "try-restart"):
            assert (command, twin(command).status, twin.is_running(pid)) == (command, 2, True)
            assert twin.pid_file().exists() == twin.ours
            twin.pid_file().write_text(f"{pid}\n")
        twin.signal(pid, signal.SIGTERM)
        twin.wait_for_end(pid)
        twin.pid_file().unlink(missing_ok=True)
        assert twin("try-restart").status == (0 if twin.ours else 2)


@pytest.mark.difference("`start` while it runs")
def test_a_second_start(pair: Pair) -> None:
    for twin in pair:
        pid = twin.start()
        assert twin("start") == Completed(0, "", "")
        twin.configure(BROKEN)
        assert twin("start").status == (0 if twin.ours else 2)
        assert twin.is_running(pid)


@pytest.mark.difference("Who is the daemon")
def test_who_is_taken_for_the_daemon(pair: Pair) -> None:
    """An editor whose pid the pid file has; and a daemon whose pid file somebody deleted."""
    for twin in pair:
        editor = "sh -c 'sleep 99; :' vi ldirectord.cf & echo $! >/run/ldirectord.ldirectord.pid"
        twin.host.run("sh", "-c", editor)
        assert twin("status").status == (1 if twin.ours else 0)
        twin.pid_file().unlink()
        twin.start()
        twin.pid_file().unlink()
        assert twin("status").status == (0 if twin.ours else 3)


@pytest.mark.difference("`start`")
def test_a_start_that_fails(pair: Pair) -> None:
    """The original dies where it cannot write; ours where there is no kernel to direct."""
    for twin in pair:
        twin.configure(f"{GOOD}    monitorfile = /dev/full\n".replace("= on", "= connect"))
        twin.host.path(NO_KERNEL).touch()
    original, ours = pair
    assert original("start") == Completed(0, "", "")
    eventually(lambda: original.pid_file().read_text() != "", WITHIN, original.host.log)
    original.wait_for_end(int(original.pid_file().read_text()))
    assert ours("start") == Completed(1, "", "there is no IPVS\n")


@pytest.mark.difference("`stop`")
def test_a_stop_while_a_check_runs(pair: Pair) -> None:
    """A command as a check that lasts until the test lets it end; the original waits for it."""
    for twin in pair:
        bind_over(
            twin.host, twin.host.folder / "slow", "#!/bin/sh\nuntil [ -e /run/go ]; do sleep 0.1; done\n", "/bin/true"
        )
        twin.configure(GOOD.replace("= on", "= external\n    checktimeout = 60\n    checkcommand = /bin/true"))
        pid = twin.start()
        assert twin("stop") == Completed(0, "", "")
        assert twin.is_running(pid) != twin.ours
        twin.host.path("/run/go").touch()
        twin.wait_for_end(pid)


@pytest.mark.difference("`stop`")
def test_a_stop_of_one_that_hangs(pair: Pair) -> None:
    for twin in pair:
        pid = twin.start()
        twin.signal(pid, signal.SIGSTOP)
        said = twin("stop")
        assert (said.status, "was killed" in said.err) == (0, twin.ours)
        assert twin.is_running(pid) != twin.ours


@pytest.mark.difference("`stop`")
def test_a_stop_and_a_stale_pid_file(pair: Pair) -> None:
    for twin in pair:
        twin.pid_file().write_text("999999\n")
        assert twin("stop") == Completed(0, "", "")
        assert twin.pid_file().exists() != twin.ours


@pytest.mark.difference("`restart`")
def test_a_restart_of_one_that_hangs(pair: Pair) -> None:
    for twin in pair:
        pid = twin.start()
        twin.signal(pid, signal.SIGSTOP)
        said = twin("restart", within=30 if twin.ours else 3)
        assert (said.status, twin.is_running(pid)) == ((0, False) if twin.ours else (137, True))


@pytest.mark.difference("In the foreground (`-d`, `supervised`)")
@pytest.mark.parametrize("words", [("-d", "start"), ("start",)])
def test_the_foreground(pair: Pair, words: tuple[str, ...]) -> None:
    for twin in pair:
        twin.configure(GOOD if "-d" in words else f"supervised = yes\n{GOOD}")
        pid = twin.start_command(*words)
        await_added(twin)
        assert twin.pid() == (pid if twin.ours else None)
        statuses = [twin(command).status for command in ("status", "reload", "stop")]
        assert statuses == ([0, 0, 0] if twin.ours else [3, 1, 0])
        assert twin.is_running(pid) != twin.ours


@pytest.mark.difference("`-d`")
def test_where_the_log_goes_in_the_foreground(pair: Pair) -> None:
    for twin in pair:
        twin.start_command("-d", "start")
        await_added(twin)
        out, err = twin.output()
        if twin.ours:
            assert err == ""
            assert all(re.match(r"\[\w{3} \w{3} .\d \d\d:\d\d:\d\d \d{4}\] ", line) for line in out.splitlines())
        else:
            assert (out, re.findall(r"\d\d:\d\d:\d\d", err)) == ("", [])


@pytest.mark.difference("New commands")
def test_new_commands(pair: Pair) -> None:
    for twin in pair:
        statuses = [twin(command).status for command in ("check", "dump", "probe")]
        assert statuses == ([0, 0, 0] if twin.ours else [255, 255, 255])
    original, ours = pair
    assert original("run").status == 255
    ours.start_command("run")
    ours.await_pid()
    assert ours("status").status == 0


@pytest.mark.difference("Usage errors (255)")
def test_usage_errors(pair: Pair) -> None:
    for words in ((), ("web.cf", "bogus"), ("-x", "start")):
        original, ours = (twin(*words) for twin in pair)
        assert (original.status, ours.status) == (255, 255)
        assert len(original.out.splitlines()) > 20
        assert ours.out == ""
        assert [line.partition(":")[0] for line in ours.err.splitlines()][1] == "Usage"


@pytest.mark.difference("`-h`")
def test_help(pair: Pair) -> None:
    for twin in pair:
        bind_over(twin.host, twin.host.folder / "pager", "#!/bin/sh\necho the manual of $*\n", "/usr/bin/perldoc")
    original, ours = (twin("-h") for twin in pair)
    assert original == Completed(0, f"the manual of -U {COMMAND}\n", "")
    assert ours.out.startswith("Usage: ldirectord ")
    assert "\nCommands:\n" in ours.out


@pytest.mark.difference("`reload` while stopped (1)")
def test_a_reload_of_nothing(pair: Pair) -> None:
    original, ours = (twin("reload") for twin in pair)
    assert original == Completed(1, "", "")
    assert ours == Completed(1, "", f"ldirectord is stopped for {CONFIG}\n")


@pytest.mark.difference("What control commands log")
def test_what_commands_log(pair: Pair) -> None:
    original, ours = pair
    for twin in pair:
        twin("status")
        twin("reload")
        twin("stop")
    assert [len(re.findall(word, original.host.log())) for word in ("Invoking", "exit_status")] == [3, 2]
    assert ours.host.log() == ""


@pytest.mark.difference("systemd")
def test_the_units() -> None:
    original, ours = (path.read_text().splitlines() for path in (UNIT, ROOT / "systemd/ldirectord.service"))
    assert {"Type=forking", "KillMode=none"} <= set(original)
    assert {"Type=notify", "WatchdogSec=30"} <= set(ours)


def test_what_is_the_same(pair: Pair) -> None:
    """Where a configuration is looked for, what instances are called, what `status` says, the statuses of all."""
    seen = []
    for twin in pair:
        twin.configure(GOOD, "/etc/ha.d/conf/web.cf")
        twin.configure(GOOD, "/run/elsewhere.cf")
        said = [twin(command) for command in ("status", "try-restart", "stop", "force-reload")]
        said = [Completed(one.status, one.out, "") for one in said]  # ours says more of the reload
        twin.start()
        said += [twin(command) for command in ("status", "reload", "force-reload", "restart")]
        said += [twin("web.cf", "start"), twin("/run/elsewhere.cf", "start"), twin("missing.cf", "start")]
        _, pid, _ = map(twin.await_pid, ("ldirectord", "web.cf", "elsewhere.cf"))
        twin.signal(pid, signal.SIGKILL)
        twin.wait_for_end(pid)
        said += [twin(*file, "status") for file in ((), ("web.cf",), ("/run/elsewhere.cf",), ("missing.cf",))]
        seen.append([Completed(one.status, one.out, re.sub(r"pid: \d+", "pid: N", one.err)) for one in said])
    original, ours = seen
    assert original == ours

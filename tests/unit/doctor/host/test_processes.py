"""Directors among the processes of this host."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ldirectord_py.doctor.facts import OtherDirector
from ldirectord_py.doctor.host import processes
from ldirectord_py.doctor.host.processes import director_of, other_directors

WEB = "virtual = 192.0.2.1:80\n    checktype = on\n    real = 192.0.2.2 gate\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/usr/sbin/keepalived -f /etc/k.conf", ("keepalived", ("-f", "/etc/k.conf"))),
        ("/usr/bin/perl -w /usr/sbin/ldirectord web.cf start", ("ldirectord", ("web.cf", "start"))),
        ("/venv/bin/python /venv/bin/ldirectord run", ("ldirectord", ("run",))),
        ("python3 -m ldirectord_py web.cf run", ("ldirectord", ("web.cf", "run"))),
        ("/venv/bin/python /venv/bin/ldirectord web.cf doctor", None),
        ("python3 -m ldirectord_py web.cf run --memory-kernel", None),
        ("vi /etc/keepalived/keepalived.conf", None),
        ("less keepalived", None),
        ("sh", None),
    ],
)
def test_command_lines(line: str, expected: tuple[str, tuple[str, ...]] | None) -> None:
    assert director_of(line.split()) == expected


@pytest.fixture
def sleepers(tmp_path: Path) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    """Programs that are called like directors and do nothing."""
    (tmp_path / "ldirectord").write_text("#!/bin/sh\nread line\n")
    (tmp_path / "web.cf").write_text(WEB)
    (tmp_path / "k.conf").write_text("virtual_server 192.0.2.1 80 {\n}\n")
    ours = ["sh", str(tmp_path / "ldirectord"), "web.cf", "start"]
    theirs = ["keepalived", "-c", "input()", "-f", str(tmp_path / "k.conf")]
    begun = [
        subprocess.Popen(ours, cwd=tmp_path, stdin=subprocess.PIPE),
        subprocess.Popen(theirs, executable=sys.executable, stdin=subprocess.PIPE),
    ]
    yield begun
    for process in begun:
        process.communicate(b"\n")


def named(pids: Sequence[int], file: Path, own: int | None) -> dict[int, OtherDirector]:
    """Return the directors among ``pids``; a process is named only once it runs its program."""
    deadline = time.monotonic() + 10
    while True:
        found = {each.pid: each for each in other_directors(file, own) if each.pid in pids}
        if len(found) == len(pids) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_directors_are_found_with_their_services(sleepers: Sequence[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    first, second = sleepers
    found = named([first.pid, second.pid], tmp_path / "other.cf", None)
    assert (found[first.pid].program, found[second.pid].program) == ("ldirectord", "keepalived")
    ours, theirs = found[first.pid].services, found[second.pid].services
    assert ours
    assert theirs
    assert ours <= theirs
    assert not found[first.pid].same_file


def test_our_own_daemon_is_no_other(sleepers: Sequence[subprocess.Popen[bytes]], tmp_path: Path) -> None:
    first, second = sleepers
    assert list(named([second.pid], tmp_path / "web.cf", first.pid)) == [second.pid]
    assert named([first.pid], tmp_path / "web.cf", None)[first.pid].same_file
    assert os.getpid() not in named([second.pid], tmp_path / "web.cf", None)


def test_hidden_processes_are_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "FIRST_PROCESS", tmp_path / "1")
    with pytest.raises(PermissionError, match="hidden"):
        other_directors(tmp_path / "web.cf", None)

"""Taking over from the original in a root without systemd, and giving back; a stand-in of the original only sleeps.

With systemd, the real original and traffic: tests/systemd.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from packages.release import Release
from packages.root import CommandFailedError, run_in

ORIGINAL = """\
#!/usr/bin/perl
if ($ARGV[-1] eq "status") { open(FILE, $ARGV[0]); exit((grep /refused/, <FILE>) ? 2 : 3); }
if ($ARGV[-1] eq "start") { exit if fork; sleep 600; }
"""
IN_MEMORY = """\
from dataclasses import replace

from ldirectord_py.cli.invocation import daemon_process
from ldirectord_py.ipvs.kernel import MemoryKernel

load_daemon = daemon_process.load_daemon
daemon_process.load_daemon = lambda invocation: replace(load_daemon(invocation), kernel=MemoryKernel())
"""
"""Gives the director of the package a table, whatever kernel this host has."""

NO_TABLE = """\
from ldirectord_py.cli.invocation import daemon_process
from ldirectord_py.errors import NoTableError

def load_daemon(invocation):
    raise NoTableError("there is no table")

daemon_process.load_daemon = load_daemon
"""
CONFIG = "checkinterval = 1\nvirtual = 192.0.2.1:80\n    real = 192.0.2.2:80 gate\n    checktype = on\n"
INSTALL = "dpkg --install /tmp/ours.deb"
REMOVE = "dpkg --remove ldirectord-py"
SCRIPTS = "/var/lib/dpkg/info/ldirectord-py"
DIVERT = "dpkg-divert --local --rename --divert /usr/sbin/ldirectord.perl --add /usr/sbin/ldirectord"
"""As docs/migrating.md describes it for an installation without the package."""

SYSTEMCTL = """\
#!/bin/sh
case "$*" in
    *list-units*) echo "ldirectord.service loaded active running" ;;
    *MainPID*) cat /run/main-pid ;;
    *stop*) echo "$*" >>/run/stopped ;;
esac
"""
"""A systemd with one unit; supervisor() finds no director in it."""

DIRECTORS = "readlink /proc/[0-9]*/exe | grep -E 'perl|python' | sort -u"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes clean roots, for chroot: needs to be root"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="sh tests/harness/setup.sh builders"),
]


@pytest.fixture
def director(release: Release, host: Path) -> Path:
    """A root where services may be started, with a configuration and an original."""
    site = host / f"usr/lib/ldirectord-py/lib/python{release.python}/site-packages"
    site.mkdir(parents=True)
    (site / "of_the_test.pth").write_text("import of_the_test\n")
    (site / "of_the_test.py").write_text(IN_MEMORY)
    (host / "usr/sbin/policy-rc.d").unlink()
    (host / "etc/ha.d").mkdir()
    (host / "etc/ha.d/ldirectord.cf").write_text(CONFIG)
    (host / "usr/sbin/ldirectord").write_text(ORIGINAL)
    (host / "usr/sbin/ldirectord").chmod(0o755)
    return host


def shell(root: Path, *lines: str) -> str:
    """Return the output of lines of shell, which end at the first error, with the original running."""
    return run_in(root, "sh", "-ec", "\n".join(("exec 2>&1", "ldirectord start", *lines)))


def test_it_says_what_it_does_and_takes_over(director: Path) -> None:
    output = shell(director, INSTALL, "echo then", DIRECTORS)
    before, _, after = output.partition("then\n")
    assert "the Perl ldirectord directs with ldirectord.cf" in before
    assert "ldirectord.cf is good" in before
    assert "it will be ended by SIGKILL" in before
    assert "it has taken over" in before
    assert after.startswith("/usr/bin/python3")
    assert (director / "var/lib/ldirectord-py/taken-over").read_text() == "- -\n"


def test_the_original_goes_on_if_ours_does_not_start(director: Path) -> None:
    (module,) = director.rglob("of_the_test.py")
    module.write_text(NO_TABLE)
    output = shell(director, INSTALL, "echo then", DIRECTORS)
    assert "there is no table" in output
    assert "is NOT taken over" in output
    assert output.partition("then\n")[2].split() == ["/usr/bin/perl"]


def test_a_file_with_errors_is_refused_before_anything_is_changed(director: Path) -> None:
    (director / "etc/ha.d/ldirectord.cf").write_text(f"{CONFIG}    scheduler = \n    nonsense = 1\n")
    with pytest.raises(CommandFailedError, match="nothing has been changed") as refused:
        shell(director, f"{INSTALL} || {{ {DIRECTORS}; dpkg-divert --list ldirectord-py; exit 1; }}")
    assert "nonsense" in str(refused.value)
    assert str(refused.value).rstrip().endswith("/usr/bin/perl")
    assert (director / "usr/sbin/ldirectord").read_text() == ORIGINAL
    assert not (director / "usr/bin/ldirectord-py").exists()


def test_an_original_that_something_else_supervises_is_refused(director: Path) -> None:
    line = f"perl -e 'sleep 600' /usr/sbin/ldirectord -d start & {INSTALL}; exit $?"
    with pytest.raises(CommandFailedError, match="it runs under sh"):
        run_in(director, "sh", "-c", 'sh -c "$1"; exit', "sh", line)
    assert (director / "usr/sbin/ldirectord").read_text() == ORIGINAL


def test_a_removal_gives_the_director_back(director: Path) -> None:
    output = shell(director, INSTALL, REMOVE, "echo then", DIRECTORS)
    assert "directs with ldirectord.cf again" in output
    assert output.partition("then\n")[2].split() == ["/usr/bin/perl"]
    assert (director / "usr/sbin/ldirectord").read_text() == ORIGINAL
    assert not (director / "var/lib/ldirectord-py").exists()


def test_no_removal_while_the_original_would_refuse_the_file(director: Path) -> None:
    refused = "echo '# refused' >>/etc/ha.d/ldirectord.cf"
    output = shell(director, INSTALL, refused, f"{REMOVE} || echo then", DIRECTORS)
    assert "nothing has been changed" in output
    assert "/python3" in output.partition("then\n")[2]
    assert (director / "usr/bin/ldirectord-py").exists()


def test_an_upgrade_restarts_the_director(director: Path) -> None:
    pid = "cat /run/ldirectord.ldirectord.pid"
    output = shell(director, INSTALL, f"echo before $({pid})", INSTALL, f"echo after $({pid})", DIRECTORS)
    words = output.split()
    assert words[words.index("before") + 1] != words[words.index("after") + 1]
    assert "is restarted, and its table stayed" in output
    assert "/usr/bin/python3" in output.splitlines()[-1]


def test_an_upgrade_leaves_a_director_alone_whose_file_has_errors_now(director: Path) -> None:
    broken = "echo nonsense >>/etc/ha.d/ldirectord.cf"
    output = shell(director, INSTALL, broken, INSTALL, DIRECTORS)
    assert "is not restarted" in output
    assert "/usr/bin/python3" in output.splitlines()[-1]


def test_a_diversion_of_the_operator_is_refused(director: Path) -> None:
    moved = ("rm -f /usr/sbin/ldirectord", "dpkg-divert --local --rename --remove /usr/sbin/ldirectord")
    state = "dpkg-query --list ldirectord-py || true"
    lines = (DIVERT, "ln -s /bin/true /usr/sbin/ldirectord", f"{INSTALL} || {state}", "echo then", *moved, INSTALL)
    before, _, after = shell(director, *lines).partition("then\n")
    assert "/usr/sbin/ldirectord is diverted locally" in before
    assert "nothing has been changed" in before
    assert "iH" not in before.split()
    assert "iHR" not in before.split()
    assert "it has taken over" in after


def test_a_removal_that_was_interrupted_gives_the_director_back_when_run_again(director: Path) -> None:
    output = shell(director, INSTALL, f"{SCRIPTS}.prerm remove", REMOVE, "echo then", DIRECTORS)
    assert "directs with ldirectord.cf again" in output
    assert output.partition("then\n")[2].split() == ["/usr/bin/perl"]


def test_a_removal_that_fails_starts_again_what_it_has_ended(director: Path) -> None:
    lines = (f"{SCRIPTS}.prerm remove", f"{SCRIPTS}.postinst abort-remove", "echo then", DIRECTORS)
    output = shell(director, INSTALL, *lines)
    assert "the director with ldirectord.cf is started again" in output
    assert output.partition("then\n")[2].startswith("/usr/bin/python3")
    assert not (director / "var/lib/ldirectord-py/give-back").exists()


def test_a_removal_from_a_read_only_disk_ends_no_director(director: Path) -> None:
    place = "/usr/lib/ldirectord-py"
    read_only = f"mount --bind {place} {place} && mount -o remount,bind,ro {place}"
    output = shell(director, INSTALL, read_only, f"{REMOVE} || echo then", DIRECTORS)
    assert "/usr/bin/python3" in output.partition("then\n")[2]
    assert "is started again" not in output


def test_no_removal_while_something_else_supervises_a_director(director: Path) -> None:
    run_in(director, "sh", "-c", INSTALL)
    line = f"ldirectord run & sleep 2; {REMOVE}; exit $?"
    with pytest.raises(CommandFailedError, match="runs under sh; nothing has been changed"):
        run_in(director, "sh", "-c", 'sh -c "$1"; exit', "sh", line)
    assert (director / "usr/bin/ldirectord-py").exists()


@pytest.mark.parametrize(("pid", "stopped"), [("1", False), ("0", True)])
def test_a_removal_stops_only_the_units_without_a_process_of_others(director: Path, pid: str, stopped: bool) -> None:
    run_in(director, "sh", "-c", INSTALL)
    (director / "run/systemd/system").mkdir(parents=True)
    (director / "run/main-pid").write_text(f"{pid}\n")
    (director / "usr/bin/systemctl").write_text(SYSTEMCTL)
    (director / "usr/bin/systemctl").chmod(0o755)
    run_in(director, "sh", "-c", REMOVE)
    assert (director / "run/stopped").exists() == stopped

"""The log in the journal of a real systemd-journald, which runs in a mount namespace with a /run of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

JOURNALD: Final = Path("/lib/systemd/systemd-journald")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts over /run, in a namespace: needs root"),
    pytest.mark.skipif(
        not JOURNALD.exists() or shutil.which("systemd-cat") is None, reason="needs systemd-journald (package systemd)"
    ),
]

NAMESPACE = f"""\
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/log/journal /run/systemd/journal
{JOURNALD} 2>/dev/null &
journald=$!
trap 'kill $journald' EXIT
for _ in $(seq 100); do [ -S /run/systemd/journal/socket ] && break; sleep 0.1; done
"$@" 2>&1
journalctl --sync 2>/dev/null || sleep 1
journalctl --no-pager -q -a -o json -D /run/log/journal/* _UID=0
"""

AS_SYSTEMD: Final = 'JOURNAL_STREAM=$(stat -Lc %d:%i /proc/$$/fd/1) "$@"'
"""Tells a command that its standard output is the journal, as systemd does and systemd-cat does not."""

PROGRAM = """\
import sys, logging
from builders import real, verdict_on, virtual
from ldirectord_py.config.model import Globals
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.report.events import Checked
from ldirectord_py.report.log.listener import log
from ldirectord_py.report.log.logfile import open_log

site = virtual("10.0.0.1:80", "10.1.0.1:80", passwd="hunter2")
fell = verdict_on(site, site.reals[0], Transition(HealthState(up=True), HealthState(failures=1)), "no\\nanswer")
with open_log(Globals(supervised=True), "web"):
    log(fell)
    logging.getLogger("ldirectord_py.test").warning("x" * 8000)
    log(fell)
"""


def entries(*command: str) -> list[dict[str, Any]]:
    """Run a command beside a journal of its own; return the entries that came of it."""
    shell = ("unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", NAMESPACE, "sh")
    path = os.pathsep.join(str(folder) for folder in (Path(__file__).parents[1], Path(__file__).parents[2]))
    done = subprocess.run(
        [*shell, *command],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert found, done.stdout + done.stderr
    return [entry for entry in found if entry.get("SYSLOG_IDENTIFIER") in {"ldirectord", "unit"}]


def test_a_standard_output_that_is_the_journals_gets_entries_with_fields_and_nothing_twice() -> None:
    found = entries("systemd-cat", "-t", "unit", "/bin/sh", "-c", AS_SYSTEMD, "sh", sys.executable, "-c", PROGRAM)
    text = "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is down: no\\nanswer"
    assert [entry["MESSAGE"] for entry in found] == [text, "x" * 8000, text]
    assert {entry["_TRANSPORT"] for entry in found} == {"journal"}
    assert [entry["PRIORITY"] for entry in found] == ["6", "4", "6"]
    assert {entry["SYSLOG_IDENTIFIER"] for entry in found} == {"ldirectord"}
    names = ("EVENT", "INSTANCE", "VIRTUAL", "REAL", "REASON", "UP")
    assert [found[0][f"LDIRECTORD_{name}"] for name in names] == [
        *("server-down", "web", "tcp:10.0.0.1:80", "10.1.0.1:80", "no\nanswer", "no")
    ]
    own = [{name: value for name, value in entry.items() if name[0] != "_"} for entry in found]  # not the command line
    assert "hunter2" not in json.dumps(own)


def test_another_standard_output_is_written_as_ever() -> None:
    piped = f'{AS_SYSTEMD} | sed "s/.*] Real/Real/; s/xx*/x/"'
    found = entries("systemd-cat", "-t", "unit", "/bin/sh", "-c", piped, "sh", sys.executable, "-c", PROGRAM)
    assert {entry["_TRANSPORT"] for entry in found} == {"stdout"}
    assert found[0]["MESSAGE"] == "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) is down: no\\nanswer"
    assert len(found) == 3

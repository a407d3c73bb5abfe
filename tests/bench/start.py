"""A start with 1,000 virtuals of 10 servers each, ``checktype=on``, into an empty table, beside ``ipvsadm --restore``.

Both are timed in the same boot, each in a new network namespace: ``ldirectord CONFIG run`` until it reports that it is
ready, with all rows in the kernel's table; ipvsadm until it ends.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from bench.figure import Figure, Outcome, ratio_at_most
from harness.lab.fresh_namespace import fresh_namespace

VIRTUALS: Final = 1000
REALS: Final = 10
START_TIMEOUT: Final = 300.0
"""Seconds to wait until a daemon is ready: many on a machine that is emulated and busy."""
TABLE_REMOVAL_PAUSE: Final = 3.0
"""Seconds in which the kernel removes a large table."""


def configuration(log: Path) -> str:
    """Return the configuration, which logs to a file."""
    lines = [f'logfile = "{log}"', "cleanstop = yes"]
    for number in range(VIRTUALS):
        lines += [f"virtual = {IPv4Address('10.0.0.1') + number}:80", "    checktype = on", "    scheduler = rr"]
        first = IPv4Address("10.64.0.1") + number * REALS
        lines += [f"    real = {first + offset}:80 masq" for offset in range(REALS)]
    return "\n".join(lines) + "\n"


def measure(runs: int) -> Outcome:
    """Return how long starts take, beside ipvsadm in the same boot."""
    with tempfile.TemporaryDirectory(prefix="start-") as name:
        config = Path(name, "large.cf")
        config.write_text(configuration(Path(name, "log")))
        table = _run([*_ldirectord(config), "table"])
        pairs = [(_start_seconds(config), _restore_seconds(table)) for _ in range(runs)]
    ours, theirs = zip(*pairs, strict=True)
    what = f"start of {VIRTUALS:,} x {REALS} into an empty table"
    return Outcome((Figure(what, "s", ours, theirs, "ipvsadm --restore", ratio_at_most(3)),))


def _start_seconds(config: Path) -> float:
    ready = config.with_name("ready")
    with fresh_namespace(), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(ready))
        notified.settimeout(START_TIMEOUT)
        began = time.perf_counter()
        with subprocess.Popen([*_ldirectord(config), "run"], env=_environment(NOTIFY_SOCKET=str(ready))) as daemon:
            try:
                while b"READY=1" not in notified.recv(4096):
                    pass
                seconds = time.perf_counter() - began
                rows = _run(["ipvsadm", "-Sn"]).count("\n")
            finally:
                daemon.terminate()
    ready.unlink()
    assert rows == VIRTUALS * (1 + REALS)
    time.sleep(TABLE_REMOVAL_PAUSE)
    return seconds


def _restore_seconds(table: str) -> float:
    with fresh_namespace():
        began = time.perf_counter()
        _run(["ipvsadm", "--restore"], table)
        seconds = time.perf_counter() - began
        _run(["ipvsadm", "-C"])
    time.sleep(TABLE_REMOVAL_PAUSE)
    return seconds


def _ldirectord(config: Path) -> list[str]:
    return [sys.executable, "-m", "ldirectord_py", str(config)]


def _run(command: Sequence[str], given: str = "") -> str:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, input=given, env=_environment())
    return done.stdout


def _environment(**more: str) -> dict[str, str]:
    folder = tempfile.gettempdir()
    return {**os.environ, "LDIRECTORD_RUNDIR": folder, "LDIRECTORD_STATEDIR": folder, **more}

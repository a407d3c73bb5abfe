"""``fork = yes`` on a real kernel: checks in workers give the same verdicts, and a killed worker changes nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually

WITHIN = 60.0  # seconds; a processor that is emulated takes ten to start a daemon
WEB = f"TCP {VIP}:80"


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.takes(12)
def test_F34_a_killed_worker_changes_no_verdict(lab: Lab) -> None:
    web1, web2 = lab.real("web1"), lab.real("web2")
    first, second = f"{web1.addresses[0]}:80", f"{web2.addresses[0]}:80"
    lab.director.configure(
        "checkinterval = 1\nnegotiatetimeout = 5\nfork = yes\nworkers = 2\n"
        f"virtual = {VIP}:80\n    service = http\n    request = health\n    receive = healthy\n"
        f"    real = {first} masq\n    real = {second} masq\n"
    )
    lab.director.start()
    lab.director.wait(WEB, {first: 1, second: 1}, WITHIN)
    (pidfile,) = lab.director.folder.glob("*.pid")
    daemon = int(pidfile.read_text())
    workers = children(daemon)
    assert len(workers) == 2
    with lab.director.watch() as watch:
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        eventually(lambda: len(set(children(daemon)) - set(workers)) == 2, WITHIN, lab.director.log)
        web2.fail_health()
        lab.director.wait(WEB, {first: 1}, WITHIN)
        web2.restore_health()
        lab.director.wait(WEB, {first: 1, second: 1}, WITHIN)
        assert watch.weights(WEB, first) == [1]
    workers = children(daemon)
    lab.director.stop()
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []

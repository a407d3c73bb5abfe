"""``plan`` on a real table: what it prints is what a start and a reload then do, connections included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lab.lab import VIP, Lab

WEB, MAIL = f"TCP {VIP}:80", f"TCP {VIP}:25"
SLOW = 60.0


def plan(lab: Lab, *options: str) -> tuple[int, dict[str, Any]]:
    """Return exit status and output of ``plan --json``."""
    done = lab.director.command("plan", "--json", *options)
    assert done.status in (0, 3), done
    return done.status, done.json()


def commands(planned: dict[str, Any]) -> list[str]:
    return sorted(change["command"] for change in planned["changes"])


@pytest.mark.takes(15)
def test_what_is_planned_is_done(lab: Lab, tmp_path: Path) -> None:
    web1, web2 = lab.real("web1"), lab.real("web2")
    first, second = f"{web1.address}:80", f"{web2.address}:80"
    lines = [f"    real = {web.address}:80 masq\n" for web in (web1, web2)]
    body = f"checkinterval = 1\nvirtual = {VIP}:80\n    checktype = connect\n{''.join(lines)}"
    mail = f"virtual = {VIP}:25\n    checktype = on\n    real = {web1.address}:25 masq\n"

    lab.director.run("ipvsadm", "-A", "-t", f"{VIP}:80", "-s", "wrr")
    for server, weight in ((first, "5"), ("10.9.1.99:80", "1")):
        lab.director.run("ipvsadm", "-a", *f"-t {VIP}:80 -r {server} -m -w {weight}".split())
    lab.director.configure(body + mail)
    status, planned = plan(lab)
    assert (status, commands(planned)) == (
        3,
        [
            f"ipvsadm -A -t {VIP}:25 -s wrr",
            f"ipvsadm -a -t {VIP}:25 -r {web1.address}:25 -m -w 1",
            f"ipvsadm -d -t {VIP}:80 -r 10.9.1.99:80",
            f"ipvsadm -e -t {VIP}:80 -r {first} -m -w 1",
        ],
    )
    up = plan(lab, "--assume", "up")[1]
    assert f"ipvsadm -a -t {VIP}:80 -r {second} -m -w 1" in commands(up)

    lab.director.start()
    lab.director.wait(WEB, {first: 1, second: 1}, SLOW)
    assert (plan(lab)[0], lab.director.weights()[MAIL]) == (0, {f"{web1.address}:25": 1})

    with lab.client.traffic(VIP) as traffic:
        traffic.wait(requests=20, within=SLOW)
        old = tmp_path / "old.cf"
        old.write_text(lab.director.config.read_text())
        lab.director.configure(body.replace(lines[1], ""))
        status, planned = plan(lab, "--from", str(old))
        deletions = {change["command"]: change for change in planned["changes"]}
        assert (status, [*deletions]) == (
            3,
            [f"ipvsadm -d -t {VIP}:80 -r {second}", f"ipvsadm -D -t {VIP}:25"],
        )
        assert deletions[f"ipvsadm -d -t {VIP}:80 -r {second}"]["connections"] > 0
        lab.director.reload()
        assert lab.director.weights() == {WEB: {first: 1}}

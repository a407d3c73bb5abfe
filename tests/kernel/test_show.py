"""``show`` and ``events`` on a real kernel: its weights and connections, and rows that somebody else changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually

WEB = f"TCP {VIP}:80"
CONFIG = """\
checkinterval = 1
reconcile = 600
virtual = {vip}:80
    real = {first}:80 masq 2
    real = {second}:80 masq 1
    scheduler = rr
    checktype = connect
"""


def asked(lab: Lab, *words: str) -> list[str]:
    """Return the lines that a command prints."""
    done = lab.director.command(*words)
    assert done.status == 0, done
    return done.text.splitlines()


def servers(lab: Lab) -> dict[str, Any]:
    """Return the real servers by their addresses."""
    (virtual,) = json.loads("\n".join(asked(lab, "show", "--json")))["virtuals"]
    return {real["real"]: real for real in virtual["reals"]}


@pytest.mark.takes(12)
def test_what_the_kernel_has_and_what_differs_is_shown(lab: Lab) -> None:
    web1, web2 = lab.real("web1"), lab.real("web2")
    first, second = f"{web1.address}:80", f"{web2.address}:80"
    lab.director.configure(CONFIG.format(vip=VIP, first=web1.address, second=web2.address))
    lab.director.start()
    lab.director.wait(WEB, {first: 2, second: 1}, within=30)
    with lab.client.traffic(VIP) as traffic:
        traffic.wait(requests=20)
    shown = servers(lab)
    assert [shown[each]["kernel"]["weight"] for each in (first, second)] == [2, 1]
    for each in shown.values():
        assert each["kernel"]["active"] + each["kernel"]["inactive"] > 0
        assert (each["observed"]["up"], each["observed"]["code"], each["trouble"]) == (True, "L4OK", [])
    lab.director.run("ipvsadm", "-e", *f"-t {VIP}:80 -r {first} -m -w 7".split())
    eventually(lambda: bool(servers(lab)[first]["disagrees"]), 30, lambda: str(servers(lab)))
    assert servers(lab)[first]["disagrees"] == ["weight 7 in the kernel, not 2"]
    web2.stop()
    lab.director.wait(WEB, {first: 7}, within=30)
    assert servers(lab)[second]["trouble"] == ["down"]
    assert any("server-down" in line and second in line for line in asked(lab, "events"))

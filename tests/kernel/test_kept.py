"""Attributes that the configuration cannot express keep their values, whatever the director writes."""

from __future__ import annotations

import pytest

from harness.lab.lab import VIP, Lab

SIP = f"UDP {VIP}:5060"
HEAD = "checkinterval = 1\nreconcile = 1\nquiescent = yes\n"
VIRTUAL = """\
virtual = {vip}:5060
    protocol = udp
    real = {real}:5060 ipip {weight}
    scheduler = {scheduler}
    persistent = 600
    checktype = on
    {more}
"""


def configured(lab: Lab, *, weight: int = 1, scheduler: str = "wlc", more: str = "") -> None:
    text = VIRTUAL.format(vip=VIP, real="192.0.2.7", weight=weight, scheduler=scheduler, more=more)
    lab.director.configure(HEAD + text)


def saved(*, weight: int = 1, scheduler: str = "wlc", engine: str = " --pe sip") -> list[str]:
    return [
        f"-A -u {VIP}:5060 -s {scheduler} -p 600{engine}",
        f"-a -u {VIP}:5060 -r 192.0.2.7:5060 -i -w {weight} --tun-type gue --tun-port 6080 --tun-nocsum",
    ]


def by_hand(lab: Lab, verbs: str, scheduler: str) -> None:
    lab.director.run("ipvsadm", f"-{verbs[0]}", *f"-u {VIP}:5060 -s {scheduler} -p 600 --pe sip".split())
    wrapped = "-i -w 1 --tun-type gue --tun-port 6080"
    lab.director.run("ipvsadm", f"-{verbs[1]}", *f"-u {VIP}:5060 -r 192.0.2.7:5060 {wrapped}".split())


def test_pe_and_tunnel_are_kept_by_start_reload_and_reconcile(lab: Lab) -> None:
    by_hand(lab, "Aa", "rr")
    configured(lab)
    lab.director.start()
    assert lab.director.saved() == saved()
    configured(lab, weight=3, scheduler="wrr")
    lab.director.reload()
    lab.director.wait(SIP, {"192.0.2.7:5060": 3}, within=10)
    assert lab.director.saved() == saved(weight=3, scheduler="wrr")
    lab.director.run("ipvsadm", "-E", *f"-u {VIP}:5060 -s rr -p 600 --pe sip".split())
    lab.director.wait_log("setting it back", within=20)
    lab.director.wait_log(f"Changed virtual server: {VIP}:5060", within=20)
    assert lab.director.saved() == saved(weight=3, scheduler="wrr")


def test_pe_set_by_hand_is_kept_and_logged(lab: Lab) -> None:
    configured(lab)
    lab.director.start()
    by_hand(lab, "Ee", "wlc")
    lab.director.wait_log("Somebody set the persistence engine", within=20)
    lab.director.wait_log("Somebody changed the tunnel", within=20)
    assert lab.director.saved() == saved()


@pytest.mark.parametrize(("word", "engine"), [("sip", " --pe sip"), ("none", "")])
def test_pe_of_the_configuration_is_written(lab: Lab, word: str, engine: str) -> None:
    by_hand(lab, "Aa", "wlc")
    if word == "sip":
        lab.director.run("ipvsadm", "-E", *f"-u {VIP}:5060 -s wlc -p 600".split())
    configured(lab, more=f"pe = {word}")
    lab.director.start()
    assert lab.director.saved() == saved(engine=engine)

"""All examinations together."""

from __future__ import annotations

from builders import config, real, virtual
from harness.sound_host import SOUND, sound
from ldirectord_py.config.model import Forward
from ldirectord_py.doctor.examinations import EXAMINATIONS, examine
from ldirectord_py.doctor.facts import Area
from ldirectord_py.doctor.finding import Gravity

SITE = config(
    virtual("192.0.2.1:80", "10.0.0.1:80", real("10.0.0.2:80", Forward.GATE)),
    virtual("[2001:db8::1]:80", "[fd00::2]:80"),
)


def test_nothing_is_found_on_a_sound_host() -> None:
    diagnosis = examine(SITE, SOUND)
    assert (diagnosis.findings, diagnosis.not_made) == ((), {})
    assert diagnosis.made == tuple(EXAMINATIONS)


def test_the_gravest_comes_first() -> None:
    settings = {"net.ipv4.ip_forward": "0", "net.ipv4.vs.expire_nodest_conn": "0"}
    found = examine(SITE, sound(sysctls=settings, lost_names=frozenset({"mail"}))).findings
    assert [finding.gravity for finding in found] == [Gravity.ERROR, Gravity.WARNING, Gravity.HINT]


def test_what_was_not_looked_at_is_said_with_the_reason() -> None:
    diagnosis = examine(SITE, sound(unseen={Area.TABLE: "only root sees it"}))
    assert diagnosis.not_made == {"IPVS in the kernel": "the kernel's table: only root sees it"}
    assert "IPVS in the kernel" not in diagnosis.made

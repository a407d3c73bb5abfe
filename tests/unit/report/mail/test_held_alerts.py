"""Alerts that wait while all servers may be failing."""

from __future__ import annotations

from ipaddress import ip_address
from unittest.mock import patch

from builders import virtual
from ldirectord_py.address import Address
from ldirectord_py.config.model import AlertStatus
from ldirectord_py.report.mail import held_alerts
from ldirectord_py.report.mail.held_alerts import HeldAlerts
from ldirectord_py.report.mail.message import Alert

WEB = virtual("10.0.0.1:80")
FAILED, OTHER = ip_address("10.1.0.1"), ip_address("10.1.0.2")


class Place:
    def __init__(self) -> None:
        self.sent: list[str] = []
        self.suspected = False
        self.doubted = False
        self.held = HeldAlerts(lambda virtual, alert: self.sent.append(alert.text), self)

    def is_suspected(self) -> bool:
        return self.suspected

    def is_doubted(self, address: Address) -> bool:
        return self.doubted and address == FAILED

    def add(self, *texts: str) -> None:
        for text in texts:
            self.held.add(WEB, Alert(text, AlertStatus.RUNNING), [FAILED])


def test_nothing_waits_by_itself() -> None:
    place = Place()
    place.add("a")
    assert place.sent == ["a"]


def test_alerts_wait_while_all_may_be_failing_and_keep_their_order() -> None:
    place = Place()
    place.suspected = True
    place.add("a")
    place.held.tick()
    assert place.sent == []
    place.suspected = False
    place.add("b")
    assert place.sent == []
    place.held.tick()
    place.add("c")
    assert place.sent == ["a", "b", "c"]


def test_a_doubt_replaces_them_until_it_is_over() -> None:
    place = Place()
    place.suspected = True
    place.add("a")
    place.doubted = True
    place.held.drop_doubted()
    place.add("b")
    place.suspected = False
    place.held.tick()
    assert place.sent == []
    place.doubted = False
    place.add("c")
    assert place.sent == ["c"]


def test_a_doubt_replaces_no_alert_about_other_servers() -> None:
    place = Place()
    place.suspected = True
    place.held.add(WEB, Alert("a", AlertStatus.RUNNING), [OTHER])
    place.doubted = True
    place.held.drop_doubted()
    place.suspected = False
    place.held.tick()
    place.held.add(WEB, Alert("b", AlertStatus.RUNNING), [OTHER])
    place.held.add(WEB, Alert("c", AlertStatus.RUNNING), [OTHER, FAILED])
    assert place.sent == ["a", "b"]


def test_they_do_not_wait_without_bound() -> None:
    place = Place()
    place.suspected = True
    with patch.object(held_alerts, "MAX_HELD", 2):
        place.add("a", "b", "c")
    assert place.sent == ["c"]
    place.held.flush()
    assert place.sent == ["c", "a", "b"]

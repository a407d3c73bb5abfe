"""Mails: the words of the original in the format of the RFCs."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from builders import virtual
from ldirectord_py.config.model import AlertStatus
from ldirectord_py.report.mail.message import Alert, Host, MailMessage, Route, compose

HOST = Host("director", "root")
DOWN = Alert("Deleted real server: 10.1.0.1:80 (10.0.0.1:80)", AlertStatus.RUNNING, "connect refused")
BACK = Alert("Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)", AlertStatus.RUNNING)


def written(*alerts: Alert, to: str = "ops@example.net", sender: str | None = None) -> MailMessage:
    return compose(alerts, Route(None, sender, to), HOST, date=0, queued_at=0)


def read(mail: MailMessage) -> EmailMessage:
    message = message_from_bytes(mail.encode(), policy=policy.SMTP)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def test_the_text_of_one_alert() -> None:
    site = virtual("10.0.0.1:80", servicename="Web shop", comment="ask Ada")
    message = read(written(DOWN.with_details_of(site), to="ops@example.net, Night <night@example.net>"))
    assert message["Subject"] == "[Web shop] Deleted real server: 10.1.0.1:80 (10.0.0.1:80)"
    assert message["To"] == "ops@example.net, Night <night@example.net>"
    assert message["From"] == "root@director"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.timestamp() == 0
    assert re.fullmatch("<[^@ ]+@director>", message["Message-ID"])
    assert message.get_content().replace("\r\n", "\n") == (
        "ldirectord host: director\n"
        "Log-Message: [Web shop] Deleted real server: 10.1.0.1:80 (10.0.0.1:80)\n"
        "Daemon-Status: running\n"
        "Reason: connect refused\n"
        "\n"
        "Service name: Web shop\n"
        "Comment: ask Ada\n"
    )


def test_the_text_of_several_alerts() -> None:
    message = read(written(DOWN, BACK))
    assert message["Subject"] == "2 alerts: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)"
    assert message.get_content().replace("\r\n", "\n") == (
        "ldirectord host: director\n"
        "\n"
        "Log-Message: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)\n"
        "Daemon-Status: running\n"
        "Reason: connect refused\n"
        "\n"
        "Log-Message: Added real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)\n"
        "Daemon-Status: running\n"
    )


@pytest.mark.parametrize(
    ("sender", "header", "envelope"),
    [
        (None, "root@director", "root@director"),
        ("lvs@example.net", "lvs@example.net", "lvs@example.net"),
        ('"ldirectord Alerts" <lvs@example.net>', "ldirectord Alerts <lvs@example.net>", "lvs@example.net"),
    ],
)
def test_whom_it_is_from(sender: str | None, header: str, envelope: str) -> None:
    found = written(DOWN, sender=sender)
    assert (read(found)["From"].addresses[0].addr_spec, found.envelope_sender) == (envelope, envelope)
    assert str(read(found)["From"]).replace('"', "") == header


def test_each_address_is_a_recipient() -> None:
    found = written(DOWN, to="ops@example.net, Night <night@example.net>,root")
    assert found.recipients == ("ops@example.net", "night@example.net", "root")


def test_no_text_breaks_out_of_its_line() -> None:
    site = virtual("10.0.0.1:80", servicename="Shop\r\nBcc: all@example.net", comment="a\rb\x00c")
    message = read(written(DOWN.with_details_of(site)))
    assert message["Bcc"] is None
    assert message["Subject"] == "[Shop Bcc: all@example.net] Deleted real server: 10.1.0.1:80 (10.0.0.1:80)"
    assert "Comment: a b c\r\n" in message.get_content()


def test_other_letters_than_ascii_are_encoded() -> None:
    site = virtual("10.0.0.1:80", servicename="Läden", comment="Größe " * 200)
    found = written(DOWN.with_details_of(site))
    assert found.encode().isascii()
    assert max(map(len, found.encode().split(b"\r\n"))) <= 120
    assert read(found)["Subject"].startswith("[Läden] Deleted")
    assert "Größe Größe" in read(found).get_content()


def test_bytes_that_are_not_utf_8_are_escaped() -> None:
    site = virtual("10.0.0.1:80", servicename="M\udcfcller", comment="\udcff")
    alert = Alert(DOWN.text, AlertStatus.RUNNING, "no verf\udcfcgbar in it")
    found = written(
        alert.with_details_of(site), to="M\udcfcller <ops@example.net>", sender="M\udcfcller <lvs@example.net>"
    )
    message = read(found)
    assert found.recipients == ("ops@example.net",)
    assert [message[name].addresses[0].addr_spec for name in ("To", "From")] == ["ops@example.net", "lvs@example.net"]
    assert message["Subject"].startswith(r"[M\xfcller] Deleted")
    assert [line for line in message.get_content().splitlines() if "\\x" in line] == [
        rf"Log-Message: [M\xfcller] {DOWN.text}",
        r"Reason: no verf\xfcgbar in it",
        r"Service name: M\xfcller",
        r"Comment: \xff",
    ]


def test_a_long_subject_is_one_line() -> None:
    head = written(DOWN.with_details_of(virtual("10.0.0.1:80", servicename="Web shop of the north"))).encode()
    expected = b"\r\nSubject: [Web shop of the north] Deleted real server: 10.1.0.1:80 (10.0.0.1:80)\r\n"
    assert expected in head


def test_a_message_keeps_its_id() -> None:
    found = written(DOWN)
    assert found.encode() == found.encode()
    assert found.id != written(DOWN).id


def test_a_merged_message_has_the_id_and_the_age_of_the_last() -> None:
    """The first may have been on its way before: a server may have it already, and it may soon be given up."""
    route = Route(None, None, "ops@example.net")
    first = compose([DOWN], route, HOST, date=0, queued_at=0, standalone=False)
    last = compose([BACK], route, HOST, date=9, queued_at=9, standalone=False)
    both = first.merge(last)
    assert both is not None
    assert (both.alerts, both.id, both.queued_at, both.date) == ((DOWN, BACK), last.id, 9, 0)

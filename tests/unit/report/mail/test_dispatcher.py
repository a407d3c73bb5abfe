"""Which queue a message goes to."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ldirectord_py.config.model import AlertStatus
from ldirectord_py.report.mail import dispatcher
from ldirectord_py.report.mail.dispatcher import MailDispatcher, this_host, transport_for
from ldirectord_py.report.mail.message import Alert, Host, MailMessage, Route, compose
from ldirectord_py.report.mail.queue import MailQueue
from ldirectord_py.report.mail.sendmail import sendmail_transport
from ldirectord_py.report.mail.transport import Transport


async def resolve(host: str, port: int) -> Sequence[str]:
    raise AssertionError((host, port))


def mail(server: str | None) -> MailMessage:
    alert = Alert("text", AlertStatus.RUNNING)
    return compose([alert], Route(server, None, "ops@example.net"), Host("director", "root"), date=0, queued_at=0)


async def test_each_mail_server_has_one_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[tuple[str, str | None]] = []
    monkeypatch.setattr(MailQueue, "put", lambda self, message: queued.append((self._queue.name, message.route.server)))
    made: list[str] = []

    def make(name: str, transport: Transport, is_current: Callable[[Alert], bool]) -> MailQueue:
        made.append(name)
        return MailQueue(name, transport, is_current)

    monkeypatch.setattr(dispatcher, "MailQueue", make)
    dispatch = MailDispatcher(resolve)
    for server in ("a.example", None, "a.example", "b.example"):
        dispatch(mail(server), lambda _: True)
    assert made == ["a.example", "sendmail", "b.example"]
    assert queued == [("a.example", "a.example"), ("sendmail", None), ("a.example", "a.example"), ("b.example",) * 2]
    assert dispatch.lost == 0
    await dispatch.close(1)


def test_mails_without_a_server_are_sent_with_sendmail() -> None:
    assert transport_for(None, resolve) is sendmail_transport
    assert transport_for("mail.example.net", resolve) is not sendmail_transport


def test_a_user_without_a_name_is_called_ldirectord(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(dispatcher, "getuser", nameless)
    assert this_host() == Host(Path("/proc/sys/kernel/hostname").read_text().strip(), "ldirectord")

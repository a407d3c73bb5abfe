"""The queue of mails for one server: order, merging, repeated attempts, and what gets lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import pytest

from ldirectord_py.config.model import AlertStatus
from ldirectord_py.report.mail import queue
from ldirectord_py.report.mail.message import MAX_ALERTS, Alert, Host, MailMessage, Route, compose
from ldirectord_py.report.mail.queue import MailQueue
from ldirectord_py.report.mail.transport import MailNotSentError, Refusal, Send

ALERT = Alert("Deleted real server: 10.1.0.1:80 (10.0.0.1:80)", AlertStatus.RUNNING)
GREYLISTED = {"ops@example.net": Refusal("450 greylisted", final=False)}


class Server:
    """A transport that records what it is given; ``results`` are those of the first messages, or raised."""

    def __init__(self, *results: Mapping[str, Refusal] | Exception) -> None:
        self.results = list(results)
        self.sent: list[MailMessage] = []
        self.attempts = 0
        self.sessions = 0

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Send]:
        self.sessions += 1
        yield self._send

    async def _send(self, message: MailMessage) -> Mapping[str, Refusal]:
        self.attempts += 1
        result = self.results.pop(0) if self.results else {}
        if isinstance(result, Exception):
            raise result
        if len(result) < len(message.recipients):
            self.sent.append(message)
        return result

    def queue(self, is_current: Callable[[Alert], bool] = lambda _: True) -> MailQueue:
        return MailQueue("mail.example.net", self.session, is_current, lambda: 0.0)


def mail(text: str = ALERT.text, to: str = "ops@example.net", age: float = 0, standalone: bool = True) -> MailMessage:
    route = Route("mail", None, to)
    alert = Alert(text, AlertStatus.RUNNING)
    return compose([alert], route, Host("director", "root"), date=0, queued_at=-age, standalone=standalone)


def texts(server: Server) -> list[list[str]]:
    return [[alert.text for alert in message.alerts] for message in server.sent]


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MIN_RETRY_DELAY", 0.001)


async def sent(server: Server, count: int) -> None:
    async with asyncio.timeout(10):
        while len(server.sent) < count:
            await asyncio.sleep(0.001)


async def test_messages_are_sent_in_their_order_in_one_session() -> None:
    server = Server()
    outgoing = server.queue()
    for text in ("one", "two", "three"):
        outgoing.put(mail(text))
    await outgoing.close(10)
    assert (texts(server), server.sessions) == ([["one"], ["two"], ["three"]], 1)


@pytest.mark.difference("Many changes at once")
async def test_messages_that_wait_are_merged_for_equal_recipients_but_never_with_the_first() -> None:
    server = Server()
    outgoing = server.queue()
    for text in ("one", "two", "three"):
        outgoing.put(mail(text, standalone=False))
    outgoing.put(mail("boss", "boss@example.net", standalone=False))
    outgoing.put(mail("four", standalone=False))
    outgoing.put(mail("alone"))
    await outgoing.close(10)
    assert texts(server) == [["one"], ["two", "three", "four"], ["boss"], ["alone"]]


async def test_a_merged_message_has_no_more_than_the_largest_number_of_alerts() -> None:
    server = Server()
    outgoing = server.queue()
    for _ in range(MAX_ALERTS + 3):
        outgoing.put(mail(standalone=False))
    await outgoing.close(30)
    assert [len(message.alerts) for message in server.sent] == [1, MAX_ALERTS, 2]


async def test_alerts_that_are_no_longer_true_are_not_sent() -> None:
    server = Server()
    outgoing = server.queue(lambda alert: alert.text != "two")
    for text in ("one", "two", "three"):
        outgoing.put(mail(text, standalone=False))
    await outgoing.close(10)
    assert texts(server) == [["one"], ["three"]]


@pytest.mark.usefixtures("_quick")
async def test_a_failure_is_reported_once_and_the_message_is_sent_later(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = Server(*(MailNotSentError("it closed the connection") for _ in range(3)))
    outgoing = server.queue()
    outgoing.put(mail())
    await sent(server, 1)
    await outgoing.close(10)
    assert caplog.messages == [
        "failed to send email message over mail.example.net: it closed the connection; it is tried again",
        "Mail goes out over mail.example.net again",
    ]


@pytest.mark.usefixtures("_quick")
async def test_a_message_that_fails_does_not_delay_the_others() -> None:
    server = Server(MailNotSentError("no"))
    outgoing = server.queue()
    outgoing.put(mail("one"))
    outgoing.put(mail("two"))
    await sent(server, 2)
    assert texts(server) == [["two"], ["one"]]


@pytest.mark.usefixtures("_quick")
async def test_only_the_recipients_that_were_put_off_get_the_message_again() -> None:
    server = Server(GREYLISTED)
    outgoing = server.queue()
    outgoing.put(mail(to="ops@example.net, night@example.net"))
    await sent(server, 2)
    assert [message.recipients for message in server.sent] == [
        ("ops@example.net", "night@example.net"),
        ("ops@example.net",),
    ]


async def test_the_delay_doubles_up_to_its_maximum_and_begins_anew_after_a_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delays: list[float] = []
    timeout = asyncio.timeout

    def quick(delay: float) -> asyncio.Timeout:
        delays.append(delay)
        return timeout(0.001)

    server = Server(*(MailNotSentError("no") for _ in range(6)), {}, MailNotSentError("no"))
    outgoing = server.queue()
    monkeypatch.setattr(asyncio, "timeout", quick)
    for count in (1, 2):
        outgoing.put(mail())
        while len(server.sent) < count:
            await asyncio.sleep(0.001)
    assert delays == [5, 10, 20, 40, 60, 60, 5]


async def test_a_bug_does_not_end_the_queue(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(queue, "MIN_RETRY_DELAY", 0.001)
    server = Server(KeyError("a bug"))
    outgoing = server.queue()
    outgoing.put(mail())
    await sent(server, 1)
    assert caplog.messages[0] == "Sending mail over mail.example.net failed"


@pytest.mark.difference("Sending a mail")
async def test_messages_beyond_the_bound_are_lost_and_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "MAX_QUEUED", 3)
    server = Server()
    outgoing = server.queue()
    for _ in range(5):
        outgoing.put(mail())
    await outgoing.close(10)
    assert outgoing.lost == 2
    assert len(server.sent) == 3
    assert caplog.messages == [
        "Mails over mail.example.net get lost: too many wait, or for too long",
        "2 mails over mail.example.net were lost",
    ]


@pytest.mark.difference("Sending a mail")
@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("result", [MailNotSentError("450 greylisted"), GREYLISTED])
async def test_a_message_that_is_too_old_is_lost(
    caplog: pytest.LogCaptureFixture, result: Mapping[str, Refusal] | Exception
) -> None:
    server = Server(result)
    outgoing = server.queue()
    outgoing.put(mail(age=2 * queue.MAX_AGE))
    await outgoing.close(10)
    assert server.attempts == 1
    assert outgoing.lost == 1
    assert set(caplog.messages) == {
        "failed to send email message over mail.example.net: 450 greylisted; it is tried again",
        "Mails over mail.example.net get lost: too many wait, or for too long",
        "1 mails were not sent over mail.example.net",
    }


async def test_a_message_that_is_refused_for_good_is_lost() -> None:
    server = Server({"ops@example.net": Refusal("550 no such user", final=True)})
    outgoing = server.queue()
    outgoing.put(mail())
    outgoing.put(mail("two"))
    await outgoing.close(10)
    assert (len(server.sent), outgoing.lost) == (1, 1)

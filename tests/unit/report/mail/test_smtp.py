"""Mails over SMTP, to a scripted server on loopback."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from ldirectord_py.config.model import AlertStatus
from ldirectord_py.report.mail import queue, smtp
from ldirectord_py.report.mail.message import Alert, Host, MailMessage, Route, compose
from ldirectord_py.report.mail.queue import MailQueue
from ldirectord_py.report.mail.smtp import parse_server, smtp_transport
from ldirectord_py.report.mail.transport import MailNotSentError

HOST = Host("director", "root")
ALERT = Alert("Deleted real server: 10.1.0.1:80 (10.0.0.1:80)", AlertStatus.RUNNING)


def mail(to: str = "ops@example.net", alert: Alert = ALERT, began: float = 0, alone: bool = True) -> MailMessage:
    return compose([alert], Route("mail", None, to), HOST, date=0, queued_at=began, standalone=alone)


@dataclass
class Server:
    """A mail server; ``answers`` are by the beginning of a line, before its default answers."""

    greeting: bytes = b"220 mail.example.net ESMTP\r\n"
    answers: dict[bytes, bytes] = field(default_factory=dict)
    silent: bool = False
    lines: list[bytes] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    sessions: int = 0
    port: int = 0
    ends: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        self.ends.append(writer)
        try:
            if not self.silent:
                writer.write(self.greeting)
            await self._talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            if self.silent:
                continue
            self.lines.append(line.strip())
            answer = next((text for head, text in self.answers.items() if line.upper().startswith(head)), None)
            if answer == b"":
                return
            if line == b"DATA\r\n" and answer is None:
                writer.write(b"354 go on\r\n")
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(answer or b"250 ok\r\n")
            if line == b"QUIT\r\n":
                return

    @property
    def recipients(self) -> list[bytes]:
        return [line for line in self.lines if line.startswith(b"RCPT")]


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[Server]:
    running = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=1024 * 1024)
    server.port = running.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        running.close()
        for end in server.ends:
            end.transport.abort()
        await asyncio.gather(*(end.wait_closed() for end in server.ends), return_exceptions=True)


async def local(host: str, port: int) -> Sequence[str]:
    """Return for every name an address that refuses, and that of the server."""
    return ["127.0.0.2", "127.0.0.1"]


async def unknown(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def queue_for(server: Server) -> MailQueue:
    address = f"mail.example.net:{server.port}"
    return MailQueue("mail.example.net", partial(smtp_transport, address, local), lambda _: True, lambda: 0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail.example.net", ("mail.example.net", 25)),
        ("mail.example.net:587", ("mail.example.net", 587)),
        ("192.0.2.1:2525", ("192.0.2.1", 2525)),
        ("[2001:db8::1]", ("2001:db8::1", 25)),
        ("[2001:db8::1]:587", ("2001:db8::1", 587)),
    ],
)
def test_a_server_may_have_a_port(text: str, expected: tuple[str, int]) -> None:
    assert parse_server(text) == expected


async def test_mails_share_a_session_and_name_each_recipient() -> None:
    async with serving(Server()) as server:
        outgoing = queue_for(server)
        outgoing.put(mail("ops@example.net, Night <night@example.net>"))
        outgoing.put(mail())
        await outgoing.close(10)
    assert server.sessions == 1
    assert server.recipients == [
        b"RCPT TO:<ops@example.net>",
        b"RCPT TO:<night@example.net>",
        b"RCPT TO:<ops@example.net>",
    ]
    assert server.lines[0] == f"EHLO {socket.gethostname()}".encode()
    assert server.lines[-1] == b"QUIT"
    assert [
        text.count(b"\r\nSubject: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)\r\n") for text in server.mails
    ] == [
        1,
        1,
    ]


async def test_a_recipient_that_is_refused_does_not_affect_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Server(answers={b"RCPT TO:<OPS": b"550 no such\r\n"})) as server:
        outgoing = queue_for(server)
        outgoing.put(mail("ops@example.net, night@example.net"))
        await outgoing.close(10)
    assert len(server.mails) == 1
    assert caplog.messages == [f'Mail "{ALERT.subject}" to ops@example.net was refused: 550 no such']


async def test_a_recipient_that_was_put_off_gets_the_mail_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "MIN_RETRY_DELAY", 0.01)
    caplog.set_level(logging.INFO)
    async with serving(Server(answers={b"RCPT TO:<OPS": b"450 greylisted\r\n"})) as server:
        outgoing = queue_for(server)
        outgoing.put(mail("ops@example.net, night@example.net"))
        async with asyncio.timeout(10):
            while server.sessions < 2:
                await asyncio.sleep(0.01)
            server.answers.clear()
            while len(server.mails) < 2:
                await asyncio.sleep(0.01)
        await outgoing.close(10)
    assert server.recipients[:2] == [b"RCPT TO:<ops@example.net>", b"RCPT TO:<night@example.net>"]
    assert set(server.recipients[2:]) == {b"RCPT TO:<ops@example.net>"}
    assert caplog.messages == [
        "failed to send email message over mail.example.net: 450 greylisted; it is tried again",
        "Mail goes out over mail.example.net again",
    ]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Server(silent=True), "no greeting within 0.2 s"),
        (lambda: Server(greeting=b"554 not you\r\n"), "554 not you"),
        (lambda: Server(answers={b"DATA": b"451 disk full\r\n"}), "451 disk full"),
        (lambda: Server(answers={b"MAIL": b"421 closing\r\n"}), "421 closing"),
        (lambda: Server(answers={b"MAIL": b""}), "it closed the connection"),
    ],
)
@pytest.mark.difference("Sending a mail")
async def test_F45_a_failing_server_is_logged_once_and_gets_the_mail_later(
    make: Callable[[], Server], reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = make()
    monkeypatch.setattr(queue, "MIN_RETRY_DELAY", 0.01)
    if server.silent:
        monkeypatch.setattr(smtp, "REPLY_TIMEOUT", 0.2)
    caplog.set_level(logging.INFO)
    async with serving(server):
        outgoing = queue_for(server)
        outgoing.put(mail())
        async with asyncio.timeout(10):
            while server.sessions < 2:
                await asyncio.sleep(0.01)
            monkeypatch.setattr(smtp, "REPLY_TIMEOUT", 10.0)
            server.silent, server.greeting, server.answers = False, Server().greeting, {}
            while not server.mails:
                await asyncio.sleep(0.01)
        await outgoing.close(10)
    assert len(server.mails) == 1
    assert caplog.messages == [
        f"failed to send email message over mail.example.net: {reason}; it is tried again",
        "Mail goes out over mail.example.net again",
    ]


async def test_a_mail_that_is_refused_for_good_is_logged_and_not_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Server(answers={b"MAIL": b"550 we do not know you\r\n"})) as server:
        outgoing = queue_for(server)
        outgoing.put(mail())
        await outgoing.close(10)
    assert caplog.messages == [f'Mail "{ALERT.subject}" to ops@example.net was refused: 550 we do not know you']


async def test_an_invalid_address_does_not_affect_other_mails(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Server()) as server:
        outgoing = queue_for(server)
        outgoing.put(mail("öps@example.net"))
        outgoing.put(mail())
        await outgoing.close(10)
    assert len(server.mails) == 1
    assert [text.split(" was refused")[0] for text in caplog.messages] == [f'Mail "{ALERT.subject}" to öps@example.net']


async def test_a_refused_connection_and_an_unknown_name_raise() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(MailNotSentError, match=r"[Rr]efused|[Cc]onnect call failed"):
            async with smtp_transport(f"127.0.0.1:{held.getsockname()[1]}", unknown):
                raise AssertionError
    with pytest.raises(MailNotSentError, match="its name does not resolve: Name or service not known"):
        async with smtp_transport("mail.invalid", unknown):
            raise AssertionError


async def test_a_mail_at_which_the_server_hangs_up_does_not_delay_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MIN_RETRY_DELAY", 0.01)
    async with serving(Server(answers={b"RCPT TO:<OPS": b""})) as server:
        outgoing = queue_for(server)
        outgoing.put(mail())
        outgoing.put(mail("night@example.net"))
        async with asyncio.timeout(10):
            while not server.mails:
                await asyncio.sleep(0.01)
        await outgoing.close(1)
    assert b"To: night@example.net" in server.mails[0]


async def test_close_returns_after_its_timeout_and_logs_how_many_mails_are_unsent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(Server(silent=True)) as server:
        outgoing = queue_for(server)
        outgoing.put(mail())
        outgoing.put(mail())
        await outgoing.close(0.2)
    assert caplog.messages == ["2 mails were not sent over mail.example.net"]


async def test_close_returns_after_its_timeout_while_a_mail_is_being_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "QUIT_TIMEOUT", 60)
    async with serving(Server(answers={b"MAIL": b"250-wait "})) as server:
        outgoing = queue_for(server)
        outgoing.put(mail())
        async with asyncio.timeout(10):
            while len(server.lines) < 2:
                await asyncio.sleep(0.01)
            await outgoing.close(0.1)


@pytest.mark.difference("Many changes at once")
async def test_mails_that_wait_for_another_are_sent_as_one() -> None:
    async with serving(Server()) as server:
        outgoing = queue_for(server)
        for number in range(200):
            alert = Alert(f"Deleted real server: 10.1.0.{number}:80 (10.0.0.1:80)", AlertStatus.RUNNING)
            outgoing.put(mail(alert=alert, alone=False))
        outgoing.put(mail("boss@example.net", alone=False))
        outgoing.put(mail())  # of an emailalertgroup
        await outgoing.close(10)
    subjects = [re.search(rb"^Subject: (.*)\r$", sent, re.MULTILINE)[1].decode() for sent in server.mails]  # type: ignore[index]
    assert subjects == [
        "Deleted real server: 10.1.0.0:80 (10.0.0.1:80)",
        "199 alerts: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)",
        ALERT.subject,
        ALERT.subject,
    ]
    assert server.mails[1].count(b"\nLog-Message: Deleted real server: ") == 199
    assert [to.decode() for to in server.recipients] == [
        *["RCPT TO:<ops@example.net>"] * 2,
        "RCPT TO:<boss@example.net>",
        "RCPT TO:<ops@example.net>",
    ]

"""Events to a real HTTP server: what it gets, and what happens when it does not take them."""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.fakes import scripted
from harness.servers.authority import authority
from harness.servers.certificates import Certificate
from ldirectord_py.checks.transport import tls
from ldirectord_py.report.event_fields import event_fields
from ldirectord_py.report.notifications import webhook
from ldirectord_py.report.notifications.transport import NotificationNotSentError
from ldirectord_py.report.notifications.webhook import signature, webhook_transport

from .conftest import Endpoint, fell


async def resolve(host: str, port: int) -> Sequence[str]:
    if host != "hooks.example.com":
        raise OSError("no such name")
    return ["127.0.0.1"]


async def send(url: str, *reasons: str, secret_file: str = "") -> str:
    async with webhook_transport(url, resolve, secret_file) as post:
        return await post([event_fields(fell(reason), 0.0) for reason in reasons])


def server_context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context


async def test_events_are_posted_as_one_array_with_their_headers(endpoint: Endpoint) -> None:
    assert await send(await endpoint.url("/a%2Fb?token=x"), "one", "zwölf") == ""
    assert endpoint.reasons == [["one", "zwölf"]]
    assert endpoint.heads[0].startswith("POST /a%2Fb?token=x HTTP/1.1\r\n")
    for header in ("Content-Type: application/json", "User-Agent: ldirectord-py", "Accept-Encoding: identity"):
        assert header in endpoint.heads[0]
    assert "Authorization" not in endpoint.heads[0]


async def test_user_and_password_of_the_url_are_sent_as_basic_authentication(endpoint: Endpoint) -> None:
    assert await send(await endpoint.url(user="ops:p%40ss@"), "one") == ""
    expected = base64.b64encode(b"ops:p@ss").decode()
    assert f"Authorization: Basic {expected}\r\n" in endpoint.heads[0]


def test_a_signature_is_the_one_of_githubs_documentation() -> None:
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature(b"It's a Secret to Everybody", b"Hello, World!") == expected


async def test_requests_are_signed_with_the_secret_that_the_file_has_now(endpoint: Endpoint, tmp_path: Path) -> None:
    url, file = await endpoint.url(), tmp_path / "secret"
    for secret in (b"hunter2", b"hunter3 \xff"):
        file.write_bytes(secret + b"\n")
        assert await send(url, "one", secret_file=str(file)) == ""
        found = endpoint.heads[-1].partition("X-Hub-Signature-256: ")[2].partition("\r\n")[0]
        assert found == f"sha256={hmac.new(secret, endpoint.raw[-1], 'sha256').hexdigest()}"
    assert "hunter" not in "".join(endpoint.heads)
    assert await send(url, "one") == ""
    assert "Signature" not in endpoint.heads[-1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"", "no secret"),
        (b"\n", "no secret"),
        (4097 * b"x", "no secret in .* it has more than 4096 bytes"),
        (4096 * b"x" + b"\r\n", "no secret in .* it has more than 4096 bytes"),
    ],
)
async def test_without_its_secret_nothing_is_sent(
    endpoint: Endpoint, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NotificationNotSentError, match=reason):
        await send(await endpoint.url(), "one", secret_file=str(file))
    assert endpoint.heads == []


async def test_a_file_that_hangs_is_waited_for_in_a_thread(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def hang(*_: object) -> bytes:
        ended.wait(10)
        raise OSError("the disk is back")

    monkeypatch.setattr(webhook, "SECRET_TIMEOUT", 0.1)
    monkeypatch.setattr(webhook, "read_regular_file", hang)
    with pytest.raises(NotificationNotSentError, match="secret cannot be read"):
        await send(await endpoint.url(), "one", secret_file=str(tmp_path / "secret"))
    assert endpoint.heads == []
    ended.set()


async def test_a_fifo_or_a_device_is_no_secret_and_holds_no_thread(endpoint: Endpoint, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "secret")
    for file in (str(tmp_path / "secret"), "/dev/zero"):
        with pytest.raises(NotificationNotSentError, match="secret cannot be read: it is no regular file"):
            await send(await endpoint.url(), "one", secret_file=file)
    assert endpoint.heads == []


async def test_a_session_keeps_its_connection(endpoint: Endpoint, servers: scripted.Servers) -> None:
    async with webhook_transport(await endpoint.url(), resolve) as post:
        for _ in range(3):
            assert await post([event_fields(fell(), 0.0)]) == ""
    assert (len(endpoint.bodies), servers.connections) == (3, 1)


async def test_only_some_requests_run_at_once(endpoint: Endpoint, servers: scripted.Servers) -> None:
    url, most = await endpoint.url(), webhook.CONCURRENT_POSTS.limit
    endpoint.delay = 0.3
    sending = [asyncio.create_task(send(url, "one")) for _ in range(most + 5)]
    await asyncio.sleep(0.2)
    assert servers.connections <= most
    assert await asyncio.gather(*sending) == [""] * (most + 5)
    assert servers.connections == most + 5


@pytest.mark.parametrize("status", [500, 502, 503, 599, 429, 408])
async def test_a_status_that_may_change_is_tried_again(endpoint: Endpoint, status: int) -> None:
    endpoint.statuses = [status]
    with pytest.raises(NotificationNotSentError, match=f"^status {status}$"):
        await send(await endpoint.url(), "one")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
async def test_a_status_that_stays_is_a_refusal(endpoint: Endpoint, status: int) -> None:
    endpoint.statuses = [status]
    assert await send(await endpoint.url(), "one") == f"status {status}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(endpoint: Endpoint, servers: scripted.Servers, status: int) -> None:
    other = Endpoint(servers)
    endpoint.extra = f"Location: {await other.url()}\r\n"
    endpoint.statuses = [status]
    assert await send(await endpoint.url(), "one") == f"status {status}, and redirects are not followed"
    assert other.heads == []


async def test_a_server_that_refuses_is_tried_again() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://ops:hunter2@127.0.0.1:{bound.getsockname()[1]}/secret"
        with pytest.raises(NotificationNotSentError) as caught:
            await send(url, "one")
    assert "hunter2" not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_name_is_looked_up_with_our_own_threads(endpoint: Endpoint) -> None:
    url = await endpoint.url()
    assert await send(url.replace("127.0.0.1", "hooks.example.com"), "one") == ""
    assert "Host: hooks.example.com:" in endpoint.heads[0]
    with pytest.raises(NotificationNotSentError):
        await send(url.replace("127.0.0.1", "other.example.com"), "one")


async def test_a_server_that_is_slow_is_waited_for(endpoint: Endpoint) -> None:
    endpoint.delay = 0.5
    assert await send(await endpoint.url(), "one") == ""


@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 20",), (b"HTTP/1.1 200 ok\r\nX: ",)])
async def test_a_server_that_hangs_is_given_up(
    servers: scripted.Servers, monkeypatch: pytest.MonkeyPatch, pieces: tuple[bytes, ...]
) -> None:
    monkeypatch.setattr(webhook, "WEBHOOK_TIMEOUT", 0.2)
    port = await servers.start(scripted.hanging(*pieces))
    began = time.monotonic()
    with pytest.raises(NotificationNotSentError, match=r"no answer within 0\.2 s"):
        await send(f"http://127.0.0.1:{port}/", "one")
    assert time.monotonic() - began < 5


async def test_a_status_counts_also_if_its_body_never_ends(
    servers: scripted.Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "WEBHOOK_TIMEOUT", 0.5)
    port = await servers.start(scripted.hanging(b"HTTP/1.1 200 ok\r\nContent-Length: 5\r\n\r\n"))
    assert await send(f"http://127.0.0.1:{port}/", "one") == ""


async def test_an_endless_body_is_not_read(servers: scripted.Servers) -> None:
    port = await servers.start(scripted.answering(b"HTTP/1.1 200 ok\r\n\r\n", *[b"x" * 65536] * 200))
    assert await send(f"http://127.0.0.1:{port}/", "one") == ""


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 ok\r\n" + b"X: " + b"x" * 100_000 + b"\r\n\r\n"]
)
async def test_a_server_that_speaks_something_else_is_tried_again(servers: scripted.Servers, answer: bytes) -> None:
    port = await servers.start(scripted.answering(answer))
    with pytest.raises(NotificationNotSentError):
        await send(f"http://127.0.0.1:{port}/", "one")


async def test_a_certificate_must_be_valid(endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = authority(tmp_path)
    names = {"good": ("hooks.example.com", False), "wrong": ("a.example.com", False), "old": ("b.example.com", True)}
    made = {word: ours.issue(name, expired=expired) for word, (name, expired) in names.items()}
    urls = {word: await endpoint.url(tls=server_context(made[word])) for word in made}
    trusting = tls.context(verify=True, ca=ours.certificate)
    named = {word: url.replace("127.0.0.1", "hooks.example.com") for word, url in urls.items()}
    with pytest.raises(NotificationNotSentError, match="certificate"):
        await send(named["good"], "of an unknown authority")
    monkeypatch.setattr(tls, "context", lambda *, verify: trusting if verify else None)
    for word in ("wrong", "old"):
        with pytest.raises(NotificationNotSentError, match="certificate"):
            await send(named[word], word)
    assert await send(named["good"], "good") == ""
    assert endpoint.reasons == [["good"]]

from __future__ import annotations

import pytest

from ldirectord_py.checks.answer import HEAD_LIMIT, OVERLAP, WINDOW, Answer
from ldirectord_py.errors import CheckFailed

OK = b"HTTP/1.1 200 OK\r\n"


def answer_to(*pieces: bytes, method: str = "GET", kept: bool = True) -> Answer:
    answer = Answer(method, kept=kept)
    for piece in pieces:
        answer.feed(piece)
    return answer


def seen(answer: Answer) -> tuple[str, bytes, bool]:
    return answer.status, bytes(answer.body), answer.done


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"Content-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Content-Length: 5\r\n\r\nhello and more",
        OK + b"Upgrade: h2,h2c\r\nConnection: Upgrade, close\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5  \r\nhello\r\n0\r\n\r\n",
        OK + b"X: a\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        + OK
        + b"Content-Length: 5\r\n\r\nhello",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10000])
def test_an_answer_is_complete_however_it_is_framed_and_cut(raw: bytes, size: int) -> None:
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    assert seen(answer_to(*pieces)) == ("200 OK", b"hello", True)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    answer = answer_to(b"HTTP/1.0 200 Sure\r\n\r\nhel", b"lo")
    assert seen(answer) == ("200 Sure", b"hello", False)
    answer.end()
    assert seen(answer) == ("200 Sure", b"hello", True)


def test_an_answer_to_head_ends_with_its_headers() -> None:
    assert seen(answer_to(OK + b"Content-Length: 5\r\n\r\n", method="HEAD")) == ("200 OK", b"", True)


@pytest.mark.parametrize(("code", "done"), [(204, True), (304, True), (404, False)])
def test_some_statuses_have_no_body(code: int, done: bool) -> None:
    assert answer_to(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % code).done is done


def test_a_status_may_lack_its_phrase_and_is_printable() -> None:
    assert answer_to(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").status == "200"
    assert answer_to(b"HTTP/1.1 200 O\xa9\xc3\xa9\t\r\nContent-Length: 0\r\n\r\n").status == "200 O\\xa9é"


def test_only_the_body_of_success_is_kept() -> None:
    answer = answer_to(b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nhello")
    assert (bytes(answer.body), answer.size, answer.success) == (b"", 5, False)


def test_switching_protocols_is_an_answer_without_success() -> None:
    answer = answer_to(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
    assert (answer.done, answer.success) == (True, False)


def test_a_redirect_keeps_its_location_as_bytes_came() -> None:
    answer = answer_to(b"HTTP/1.1 302 Found\r\nLocation:  /caf\xe9 \r\nContent-Length: 0\r\n\r\n")
    assert answer.location == "/caf\udce9"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", 'not an HTTP answer: "SSH-2.0-OpenSSH_9.2\\r\\n"'),
        (b"\x15\x03\x01\x00\x02\x02F", 'not an HTTP answer: "\\x15\\x03\\x01\\x00\\x02\\x02F"'),
        (b"x" * 200, 'not an HTTP answer: "' + "x" * 80 + '..."'),
        (
            OK + b"Content-Length: 99999999999999999999\r\n\r\n",
            "malformed HTTP answer: Content-Length overflow",
        ),
        (OK + b"X: " + b"y" * HEAD_LIMIT, "headers longer than 64 kB"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3000, "headers longer than 64 kB"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * HEAD_LIMIT,
            "headers longer than 64 kB",
        ),
    ],
)
def test_what_is_no_answer_is_refused_with_evidence(raw: bytes, reason: str) -> None:
    pieces = [raw[at : at + 16384] for at in range(0, len(raw), 16384)]
    with pytest.raises(CheckFailed) as caught:
        answer_to(*pieces)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "closed by server (connected, no answer)"),
        (b"HTTP/1.1 200 OK\r\nX", "closed by server (connected, headers not complete)"),
        (OK + b"Content-Length: 5\r\n\r\nhel", "closed by server (connected, 3 bytes of the body)"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
            "closed by server (connected, 3 bytes of the body)",
        ),
    ],
)
def test_a_connection_that_ends_early_cuts_the_answer_short(raw: bytes, reason: str) -> None:
    answer = answer_to(*([raw] if raw else []))
    with pytest.raises(CheckFailed) as caught:
        answer.end()
    assert str(caught.value) == reason


def test_an_endless_body_ends_at_the_limit() -> None:
    with pytest.raises(CheckFailed, match=r"^answer longer than 16 MB$"):
        answer_to(OK + b"\r\n", *[b"x" * 16384] * 2000, kept=False)


def test_a_full_window_is_dropped_but_for_its_end() -> None:
    answer = answer_to(OK + b"\r\n", *[b"x" * 16384] * 5)
    assert not answer.full
    answer.feed(b"y" * 16384)
    assert answer.full
    answer.drop()
    assert (bytes(answer.body), answer.full, answer.dropped) == (b"y" * OVERLAP, False, True)
    assert len(answer.body) < WINDOW

from __future__ import annotations

import re
from collections import deque

import pytest

from ldirectord_py.checks.effort import MAX_STEPS, SMALL
from ldirectord_py.checks.protocols import http_chunks
from ldirectord_py.checks.protocols.http_chunks import _FIRST
from ldirectord_py.checks.protocols.http_response import HEAD_LIMIT, OVERLAP, WINDOW, Response
from ldirectord_py.errors import CheckFailed

OK = b"HTTP/1.1 200 OK\r\n"


def answer_to(*pieces: bytes, method: str = "GET", kept: bool = True) -> Response:
    answer = Response(method, kept=kept)
    for piece in pieces:
        answer.feed(piece)
    return answer


def seen(answer: Response) -> tuple[str, bytes, bool]:
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
        OK + b"Transfer-Encoding: chunked\r\n\r\n5 ; x=y\r\nhello\n00\r\n",
        OK + b"Transfer-Encoding: identity\r\ntransfer-encoding:\tChunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: Identity, identity\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"X: a\r\n folded\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length:\r\n\t5\r\n \r\nX: y\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 05, 5\r\n\r\nhello",
        OK + b"Content-Length: none\r\nContent-Length : 5 bytes\r\n\r\nhello",
        OK + b" Content-Length: 9\r\nMy Header: x\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"no colon\r\n: no name\r\nX\xe9(@): a\0b\rc\r\nMy Content-Length: 9\r\nContent-Length: 5\r\n\r\nhello",
        b"\r\n\n\r\nHTTP/1 \t200\tOK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/ 200  OK \nContent-Length: 5\n\nhello",
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
    answer.finish()
    assert seen(answer) == ("200 Sure", b"hello", True)


def test_an_answer_to_head_ends_with_its_headers() -> None:
    assert seen(answer_to(OK + b"Content-Length: 5\r\n\r\n", method="HEAD")) == ("200 OK", b"", True)


@pytest.mark.parametrize(
    ("code", "kept", "length", "done"),
    [
        (204, False, b"Content-Length: 5\r\n", True),
        (204, True, b"", True),
        (204, True, b"Content-Length: 5\r\n", False),  # as the original reads it
        (304, True, b"Content-Length: 5\r\n", True),
        (200, True, b"", False),
        (200, False, b"", False),
    ],
)
def test_some_statuses_have_no_body(code: int, kept: bool, length: bytes, done: bool) -> None:
    answer = Response("GET", {code}, kept=kept)
    answer.feed(b"HTTP/1.1 %d X\r\n%b\r\n" % (code, length))
    assert answer.done is done


@pytest.mark.parametrize("code", [302, 404, 503])
def test_the_headers_decide_where_the_status_is_not_wanted(code: int) -> None:
    answer = answer_to(b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n" % code)
    assert not answer.done
    answer.feed(b"\r\nno chunk at all")
    assert (answer.done, answer.size) == (True, 0)
    answer.finish()


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Content-Length: \r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 5;x\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: gzip\r\nContent-Length: 3\r\n",
    ],
)
def test_without_a_length_that_is_one_the_end_of_the_connection_ends_the_body(header: bytes) -> None:
    answer = answer_to(OK + header + b"\r\nhello")
    assert (answer.open_ended, answer.done) == (True, False)
    answer.finish()
    assert seen(answer) == ("200 OK", b"hello", True)


def test_a_status_may_lack_its_phrase_and_is_printable() -> None:
    assert answer_to(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").status == "200"
    assert answer_to(b"HTTP/1.1 200 O\xa9\xc3\xa9\t\r\nContent-Length: 0\r\n\r\n").status == "200 O\\xa9é"


def test_only_the_body_of_success_is_kept() -> None:
    answer = answer_to(b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nhello")
    assert (bytes(answer.body), answer.size, answer.success) == (b"", 0, False)


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
        (b"HTTP/1.1 2000 OK\r\n", 'not an HTTP answer: "HTTP/1.1 2000 OK\\r\\n"'),
        (
            OK + b"Content-Length: 5\r\nContent-Length: 4\r\n\r\n",
            "malformed HTTP answer: Content-Length is both 4 and 5",
        ),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello, who is there\r\n\r\n",
            'malformed HTTP answer: no size of a chunk: ", who is there\\r\\n\\r\\n"',
        ),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n",
            'malformed HTTP answer: no size of a chunk: "ffffffffffffffff\\r\\n"',
        ),
        (OK + b"X: " + b"y" * HEAD_LIMIT, "headers longer than 64 kB"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3000, "headers longer than 64 kB"),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 9000,
            f'malformed HTTP answer: no size of a chunk: "1;{"x" * 78}..."',
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
        answer.finish()
    assert str(caught.value) == reason


def test_an_endless_body_ends_at_the_limit() -> None:
    with pytest.raises(CheckFailed, match=r"^answer longer than 16 MB$"):
        answer_to(OK + b"\r\n", *[b"x" * 16384] * 2000, kept=False)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 1000, 60_000])
def test_chunks_of_single_bytes_end_at_the_limit_of_steps(size: int) -> None:
    answer = answer_to(OK + b"Transfer-Encoding: chunked\r\n\r\n", kept=False)
    endless = b"1\r\nx\r\n" * (MAX_STEPS + 1)
    pieces = (endless[at : at + size] for at in range(0, len(endless), size))
    with pytest.raises(CheckFailed, match=r"^the answer comes in too many small pieces$"):
        deque(map(answer.feed, pieces), maxlen=0)
    assert answer.size == MAX_STEPS


def test_chunks_of_a_large_page_pass() -> None:
    chunks = (b"%x\r\n" % SMALL + b"x" * SMALL + b"\r\n") * 30_000
    answer = answer_to(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunks, b"0\r\n", kept=False)
    assert (answer.done, answer.size) == (True, 30_000 * SMALL)


def test_a_full_window_is_dropped_but_for_its_end() -> None:
    answer = answer_to(OK + b"\r\n", *[b"x" * 16384] * 5)
    assert not answer.full
    answer.feed(b"y" * 16384)
    assert answer.full
    answer.drop()
    assert (bytes(answer.body), answer.full, answer.dropped) == (b"y" * OVERLAP, False, True)
    assert len(answer.body) < WINDOW


def test_the_line_of_a_chunk_in_small_pieces_is_not_searched_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    searches = 0

    class Counted:
        def match(self, data: bytes, at: int) -> re.Match[bytes] | None:
            nonlocal searches
            searches += 1
            return _FIRST.match(data, at)

    monkeypatch.setattr(http_chunks, "_FIRST", Counted())
    answer = answer_to(OK + b"Transfer-Encoding: chunked\r\n\r\n", *[b"5"], *[b" "] * 8000, b"\r", b"\nhello")
    assert answer.body == b"hello"
    assert searches <= 2

"""An HTTP answer as it arrives: a state machine without I/O, of bounded size whatever the server sends."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import httptools

from ldirectord_py.checks.reasons import excerpt, printable
from ldirectord_py.errors import CheckFailed

HEAD_LIMIT = 65536
"""Bytes that may pass without one of a body: headers, interim answers (1xx), trailers."""

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes that a body may have."""

SUCCESS = range(200, 300)
"""The statuses of success (2xx)."""

WINDOW = 98304
"""Bytes of a body that are kept before somebody must look at them and drop most."""

OVERLAP = 16384
"""Bytes that stay when the others are dropped, so that a match across the border is found."""


class Answer:
    """One answer: its status, its redirect, and the window of its body that has not been dropped.

    The state is where llhttp stands, ``headed`` (the headers of the final answer are in) and ``done``.
    """

    __slots__ = (
        "_head_only",
        "_parser",
        "_sized",
        "_status",
        "_wanted",
        "body",
        "code",
        "done",
        "dropped",
        "headed",
        "kept",
        "location",
        "silent",
        "size",
    )

    def __init__(self, method: str, wanted: Collection[int] = SUCCESS, *, kept: bool) -> None:
        self._parser: httptools.HttpResponseParser | None = _lenient_parser(self)
        self._head_only = method == "HEAD"
        self._sized = False
        self._status = b""
        self._wanted = wanted
        self.kept = kept
        self.body = bytearray()
        self.size = 0
        self.silent = 0
        self.code = 0
        self.location: str | None = None
        self.dropped = self.headed = self.done = False

    @property
    def status(self) -> str:
        """Return the status line without the version: ``200 OK``."""
        return _line(self.code, self._status)

    @property
    def success(self) -> bool:
        """Whether the status is one of those that are wanted."""
        return self.code in self._wanted

    @property
    def full(self) -> bool:
        """Whether the window must be searched and dropped before more may come."""
        return len(self.body) >= WINDOW

    def feed(self, data: memoryview | bytes) -> None:
        """Take what the server sent; raises CheckFailed when it is no HTTP answer, or too long for one."""
        if self._parser is None:
            return
        self.silent += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.done = True
        except httptools.HttpParserError as error:
            if not self.done:
                raise CheckFailed(self._malformed(error, data)) from None
        if self.done:
            self.release()
        elif self.silent > HEAD_LIMIT:
            raise CheckFailed(f"headers longer than {HEAD_LIMIT // 1024} kB")
        elif self.size > BODY_LIMIT:
            raise CheckFailed(f"answer longer than {BODY_LIMIT // 1024 // 1024} MB")

    def end(self) -> None:
        """Take the end of the connection; raises CheckFailed when it cuts the answer short."""
        if not self.done and not (self.headed and not self._sized):
            raise CheckFailed(f"closed by server ({self.progress()})")
        self.done = True
        self.release()

    def drop(self) -> None:
        """Drop the window but for its last bytes."""
        del self.body[:-OVERLAP]
        self.dropped = True

    def release(self) -> None:
        """Let the parser go, which holds this object in turn."""
        self._parser = None

    def progress(self) -> str:
        """Return how far the answer has come, in words."""
        if self.headed:
            return f"connected, {self.size} bytes of the body"
        return "connected, headers not complete" if self.silent else "connected, no answer"

    def _malformed(self, error: Exception, data: memoryview | bytes) -> str:
        if not self.code and not self._status:
            return f"not an HTTP answer: {excerpt(bytes(data[:81]))}"
        return f"malformed HTTP answer: {error}"

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Forget an interim answer."""
        if not self.headed:
            self._status, self._sized, self.location = b"", False, None

    def on_status(self, status: bytes) -> None:
        """Keep the phrase after the code."""
        if not self.headed:
            self._status += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what tells the end of the body, and where a redirect leads."""
        if self.headed:
            return
        match name.lower():
            case b"content-length":
                self._sized = True
            case b"transfer-encoding":
                self._sized = self._sized or value.lower().rstrip().endswith(b"chunked")
            case b"location":
                self.location = value.decode("utf-8", "surrogateescape").strip()

    def on_headers_complete(self) -> None:
        """Note the final status, and an answer that has no body."""
        if self._parser is None or self.headed:
            return
        self.code = self._parser.get_status_code()
        if self.code >= 200:
            self.headed = True
            self.kept = self.kept and self.success
            self.done = self._head_only

    def on_body(self, data: bytes) -> None:
        """Count the body, and keep it where it is searched."""
        if self.done:
            return
        self.silent = 0
        self.size += len(data)
        if self.kept:
            self.body += data

    def on_message_complete(self) -> None:
        """Note the end of the answer, unless it was an interim one."""
        if self.headed:
            self.done = True


@lru_cache(maxsize=256)
def _line(code: int, status: bytes) -> str:
    return f"{code} {printable(status.strip())}".rstrip()


def _lenient_parser(answer: Answer) -> httptools.HttpResponseParser:
    """Return a parser that takes the liberties that servers do, such as bare line feeds."""
    parser = httptools.HttpResponseParser(answer)
    parser.set_dangerous_leniencies(
        lenient_headers=True,
        lenient_chunked_length=True,
        lenient_version=True,
        lenient_data_after_close=True,
        lenient_optional_lf_after_cr=True,
        lenient_optional_cr_before_lf=True,
        lenient_spaces_after_chunk_size=True,
    )
    return parser

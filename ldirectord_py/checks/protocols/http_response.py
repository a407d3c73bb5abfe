"""An HTTP answer as it arrives: a state machine without I/O, of bounded size whatever the server sends."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from ldirectord_py.checks.effort import Effort
from ldirectord_py.checks.protocols.http_chunks import Chunks
from ldirectord_py.checks.protocols.http_head import HEAD_END, Head, begins, head
from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed
from ldirectord_py.runtime.text import printable

HEAD_LIMIT = 65536
"""Bytes that headers may have, those of interim answers (1xx) included."""

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes that a body may have."""

SUCCESS = range(200, 300)
"""The statuses of success (2xx)."""

WINDOW = 98304
"""Bytes of a body that are kept before they must be searched and most of them dropped."""

OVERLAP = 16384
"""Bytes that stay when the others are dropped, so that a match across the border is found."""

_SWITCHING, _NO_CONTENT, _NOT_MODIFIED = 101, 204, 304


class Response:
    """One answer: its status, its redirect, and the window of its body that has not been dropped.

    It is ``done`` when further data cannot change the result: at the end of the body, or at the end of the headers if
    the status is not wanted. The rest of its state: whether the final headers are complete (``headers_done``), the
    incomplete headers until then, and how many bytes of the body are missing (None: all until the connection ends).
    """

    __slots__ = (
        "_chunks",
        "_effort",
        "_head_only",
        "_header_bytes",
        "_headers",
        "_missing",
        "_phrase",
        "_wanted",
        "body",
        "code",
        "done",
        "dropped",
        "headers_done",
        "kept",
        "location",
        "size",
    )

    def __init__(
        self, method: str, wanted: Collection[int] = SUCCESS, *, kept: bool, effort: Effort | None = None
    ) -> None:
        self._head_only = method == "HEAD"
        self._wanted = wanted
        self._effort = effort or Effort()
        self._headers = b""
        self._header_bytes = 0
        self._phrase = b""
        self._chunks: Chunks | None = None
        self._missing: int | None = None
        self.kept = kept
        self.body = bytearray()
        self.size = 0
        self.code = 0
        self.location: str | None = None
        self.dropped = self.headers_done = self.done = False

    @property
    def status(self) -> str:
        """Return the status line without the version: ``200 OK``."""
        return _line(self.code, self._phrase)

    @property
    def success(self) -> bool:
        """Whether the status is one of those that are wanted."""
        return self.code in self._wanted

    @property
    def full(self) -> bool:
        """Whether the window must be searched and dropped before more may come."""
        return len(self.body) >= WINDOW

    @property
    def open_ended(self) -> bool:
        """Whether the end of the connection, however it comes, is the end of the body (RFC 9112, 6.3)."""
        return self.headers_done and self._missing is None and self._chunks is None

    def feed(self, data: memoryview | bytes) -> None:
        """Parse received data; raises CheckFailed if it is not an HTTP answer, or too long."""
        if not self.headers_done:
            data = self._feed_headers(bytes(data))
        if self.done or not self.headers_done or not data:
            return
        if self._chunks is not None:
            for piece in self._chunks.pieces(bytes(data)):
                self._feed_body(piece)
            self.done = self._chunks.done
        elif self._missing is None:
            self._feed_body(data)
        else:
            self._feed_body(data[: self._missing])
            self._missing -= min(self._missing, len(data))
            self.done = not self._missing

    def finish(self) -> None:
        """Handle the end of the connection; raises CheckFailed if the answer is incomplete."""
        if not self.done and not self.open_ended:
            raise CheckFailed(f"closed by server ({self.progress()})")
        self.done = True

    def drop(self) -> None:
        """Drop the window except for its last OVERLAP bytes."""
        del self.body[:-OVERLAP]
        self.dropped = True

    def progress(self) -> str:
        """Return how far the answer has come, in words."""
        if self.headers_done:
            return f"connected, {self.size} bytes of the body"
        return "connected, headers not complete" if self._header_bytes or self._headers else "connected, no answer"

    def _feed_headers(self, data: bytes) -> bytes:
        """Return the data after the final headers, once these are complete."""
        at = start = 0
        if self._headers:
            start = max(len(self._headers) - 2, 0)
            data = self._headers + data
        while not self.headers_done:
            while data.startswith((b"\r", b"\n"), at):
                at += 1
            if not (end := HEAD_END.search(data, max(at, start))):
                break
            self._apply_head(head(data[at : end.end()]))
            at = end.end()
        rest = data[at:]
        if not self.headers_done:
            self._keep_headers(rest, at)
        return rest

    def _keep_headers(self, rest: bytes, seen: int) -> None:
        """Keep incomplete headers; raises CheckFailed if they are not those of HTTP, or too long."""
        self._headers = rest
        self._header_bytes += seen
        if not begins(rest):
            raise CheckFailed(f"not an HTTP answer: {excerpt(rest[:81])}")
        if self._header_bytes + len(rest) > HEAD_LIMIT:
            raise CheckFailed(f"headers longer than {HEAD_LIMIT // 1024} kB")

    def _apply_head(self, found: Head) -> None:
        """Apply the fields of a head; that of an interim answer (1xx) is ignored."""
        code, phrase, length, chunked, location = found
        if code < 200 and code != _SWITCHING:
            return
        self.headers_done, self._headers = True, b""
        self.code, self._phrase, self.location, self._missing = code, phrase, location, length
        self._chunks = Chunks(self._effort) if chunked else None
        bodyless = self._head_only or code == _NOT_MODIFIED or length == 0
        if code == _NO_CONTENT:  # it has no body, but some servers send one for ``receive`` to match
            bodyless = bodyless or not self.kept or self.open_ended
        self.done = bodyless or not self.success

    def _feed_body(self, data: memoryview | bytes) -> None:
        """Count a piece of the body, and keep it if it is searched."""
        self.size += len(data)
        if self.size > BODY_LIMIT:
            raise CheckFailed(f"answer longer than {BODY_LIMIT // 1024 // 1024} MB")
        if self.kept:
            self.body += data


@lru_cache(maxsize=256)  # results keep it: one text for all servers that send the same
def _line(code: int, phrase: bytes) -> str:
    return f"{code} {printable(phrase.strip())}".rstrip()

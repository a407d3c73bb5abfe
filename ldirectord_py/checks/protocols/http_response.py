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
"""Bytes of a body that are kept before somebody must look at them and drop most."""

OVERLAP = 16384
"""Bytes that stay when the others are dropped, so that a match across the border is found."""

_SWITCHING, _NO_CONTENT, _NOT_MODIFIED = 101, 204, 304


class Response:
    """One answer: its status, its redirect, and the window of its body that has not been dropped.

    It is ``done`` when further data cannot change the result: at the end of the body, or at the end of the headers if
    the status is not wanted. The rest of its state: ``headed`` (the final headers are complete), the incomplete headers
    before that, and how many bytes of the body are missing (None: all until the connection ends).
    """

    __slots__ = (
        "_chunks",
        "_effort",
        "_head_only",
        "_headers",
        "_left",
        "_phrase",
        "_seen",
        "_wanted",
        "body",
        "code",
        "done",
        "dropped",
        "headed",
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
        self._seen = 0
        self._phrase = b""
        self._chunks: Chunks | None = None
        self._left: int | None = None
        self.kept = kept
        self.body = bytearray()
        self.size = 0
        self.code = 0
        self.location: str | None = None
        self.dropped = self.headed = self.done = False

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
        return self.headed and self._left is None and self._chunks is None

    def feed(self, data: memoryview | bytes) -> None:
        """Parse received data; raises CheckFailed if it is not an HTTP answer, or too long."""
        if not self.headed:
            data = self._take_headers(bytes(data))
        if self.done or not self.headed or not data:
            return
        if self._chunks is not None:
            for piece in self._chunks.pieces(bytes(data)):
                self._take(piece)
            self.done = self._chunks.done
        elif self._left is None:
            self._take(data)
        else:
            self._take(data[: self._left])
            self._left -= min(self._left, len(data))
            self.done = not self._left

    def finish(self) -> None:
        """Take the end of the connection; raises CheckFailed when it cuts the answer short."""
        if not self.done and not self.open_ended:
            raise CheckFailed(f"closed by server ({self.progress()})")
        self.done = True

    def drop(self) -> None:
        """Drop the window but for its last bytes."""
        del self.body[:-OVERLAP]
        self.dropped = True

    def progress(self) -> str:
        """Return how far the answer has come, in words."""
        if self.headed:
            return f"connected, {self.size} bytes of the body"
        return "connected, headers not complete" if self._seen or self._headers else "connected, no answer"

    def _take_headers(self, data: bytes) -> bytes:
        """Return the data after the final headers, once these are complete."""
        at, start = 0, max(len(self._headers) - 2, 0)
        data = self._headers + data
        while not self.headed:
            while data.startswith((b"\r", b"\n"), at):
                at += 1
            if not (end := HEAD_END.search(data, max(at, start))):
                break
            self._note(head(data[at : end.end()]))
            at = end.end()
        rest = data[at:]
        if not self.headed:
            self._wait(rest, at)
        return rest

    def _wait(self, rest: bytes, seen: int) -> None:
        """Keep incomplete headers; raises CheckFailed if they are not those of HTTP, or too long."""
        self._headers = rest
        self._seen += seen
        if not begins(rest):
            raise CheckFailed(f"not an HTTP answer: {excerpt(rest[:81])}")
        if self._seen + len(rest) > HEAD_LIMIT:
            raise CheckFailed(f"headers longer than {HEAD_LIMIT // 1024} kB")

    def _note(self, found: Head) -> None:
        """Take a head; that of an interim answer (1xx) is ignored."""
        if found.code < 200 and found.code != _SWITCHING:
            return
        self.headed, self._headers = True, b""
        self.code, self._phrase, self.location = found.code, found.phrase, found.location
        self._left = found.length
        self._chunks = Chunks(self._effort) if found.chunked else None
        bodyless = self._head_only or self.code == _NOT_MODIFIED or found.length == 0
        if self.code == _NO_CONTENT:  # it has no body, but some servers send one for ``receive`` to match
            bodyless = bodyless or not self.kept or self.open_ended
        self.done = bodyless or not self.success

    def _take(self, data: memoryview | bytes) -> None:
        """Count a piece of the body, and keep it where it is searched."""
        self.size += len(data)
        if self.size > BODY_LIMIT:
            raise CheckFailed(f"answer longer than {BODY_LIMIT // 1024 // 1024} MB")
        if self.kept:
            self.body += data


@lru_cache(maxsize=256)  # results keep it: one text for all servers that send the same
def _line(code: int, phrase: bytes) -> str:
    return f"{code} {printable(phrase.strip())}".rstrip()

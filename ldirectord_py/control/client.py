"""The client of the control socket, for commands: sends requests and waits for their answers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ldirectord_py.control.listening import short_path
from ldirectord_py.control.protocol import MAX_ANSWER_LENGTH, Code, RequestError, encode_request
from ldirectord_py.errors import LdirectordError

CONNECT_TIMEOUT: Final = 5.0
"""Seconds to connect."""

CONNECT_INTERVAL: Final = 0.02
"""Seconds between two attempts to connect."""

ANSWER_TIMEOUT: Final = 30.0
"""Seconds for an answer, unless the caller waits for another time."""

_CHUNK_LENGTH: Final = 256 * 1024


class NotReachable(LdirectordError):  # noqa: N818  as CheckFailed
    """No daemon answers at the socket; the text says why."""


def may_pass(error: Exception) -> bool:
    """Return whether it is worth to ask again later: the daemon is gone, hangs or has too many clients."""
    return isinstance(error, NotReachable) or (
        isinstance(error, RequestError) and error.code in {Code.TIMEOUT, Code.BUSY}
    )


class ControlClient:
    """A connection to a daemon; raises NotReachable. Blocks, and is for one thread.

    Its state: the connection, the number of the last request, and data that belongs to the next answer.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._last = 0
        self._unread = bytearray()
        try:
            self._socket.settimeout(CONNECT_TIMEOUT)
            with short_path(path) as name:
                self._connect(name)
        except OSError as error:
            self._socket.close()
            raise NotReachable(f"{path}: {error.strerror or error}") from error

    def _connect(self, name: str) -> None:
        """Connect; while as many as the kernel holds wait to be accepted, it refuses others at once: try again."""
        deadline = time.monotonic() + CONNECT_TIMEOUT
        while True:
            try:
                self._socket.connect(name)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(CONNECT_INTERVAL)
            else:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, and end its streams."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor, which is readable when something of an answer comes; see ``receive_available``."""
        return self._socket.fileno()

    def ask(self, request: str, /, timeout: float = ANSWER_TIMEOUT, **arguments: object) -> dict[str, Any]:
        """Return the answer to a request; raises RequestError if it is refused, NotReachable if the daemon is gone.

        RequestError has the code TIMEOUT if there is no answer within ``timeout`` seconds.
        """
        self.send(request, **arguments)
        return self.receive(timeout)

    def stream(self, request: str, /, timeout: float | None = None, **arguments: object) -> Iterator[dict[str, Any]]:
        """Yield the answers of a stream until its end, each within ``timeout`` seconds; None: however long it takes."""
        self.send(request, **arguments)
        while (answer := self.receive(timeout)).pop("more", False):
            yield answer

    def send(self, request: str, /, **arguments: object) -> int:
        """Send a request, and return its number."""
        self._last += 1
        self._socket.settimeout(ANSWER_TIMEOUT)
        try:
            self._socket.sendall(encode_request(self._last, request, arguments))
        except TimeoutError:
            raise RequestError(Code.TIMEOUT, "the daemon reads no request; see its log") from None
        except OSError:
            pass  # it has closed the connection, and may have said why
        return self._last

    def receive_available(self) -> Iterator[dict[str, Any]]:
        """Read once, when the descriptor is readable; yield the answers that are complete; raises as ``ask`` does."""
        self._read_more(time.monotonic() + ANSWER_TIMEOUT)
        while b"\n" in self._unread:
            yield self.receive()

    def receive(self, timeout: float | None = None) -> dict[str, Any]:
        """Return the next answer; raises as ``ask`` does."""
        answer = _decode(self._read_line(None if timeout is None else time.monotonic() + timeout))
        if answer.get("ok"):
            return answer
        error = dict(answer.get("error", {}))
        raise RequestError(str(error.pop("code", "")), str(error.pop("message", "")), **error)

    def _read_line(self, deadline: float | None) -> bytes:
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0:
            searched = len(self._unread)
            self._read_more(deadline)
        line = bytes(self._unread[:end])
        del self._unread[: end + 1]
        return line

    def _read_more(self, deadline: float | None) -> None:
        if len(self._unread) > MAX_ANSWER_LENGTH:
            raise NotReachable(f"the daemon sends more than {MAX_ANSWER_LENGTH >> 20} MB")
        self._unread += self._read_chunk(deadline)

    def _read_chunk(self, deadline: float | None) -> bytes:
        try:
            self._socket.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
            chunk = self._socket.recv(_CHUNK_LENGTH)
        except TimeoutError:
            raise RequestError(Code.TIMEOUT, "the daemon has not answered in time; see its log") from None
        except OSError as error:
            raise NotReachable(f"the connection to the daemon is lost: {error.strerror}") from error
        if not chunk:
            raise NotReachable("the daemon has closed the connection; see its log")
        return chunk


def _decode(line: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(line))
    except (ValueError, TypeError, RecursionError):
        raise NotReachable("what answers at the control socket is no ldirectord") from None

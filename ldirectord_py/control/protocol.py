"""The messages of the control socket: one JSON object a line. Described in docs/control.md.

::

    {"v":1,"id":7,"request":"show","names":["web*"]}                 a request
    {"v":1,"id":7,"ok":true,"as_of":"...",...}                       its answer
    {"v":1,"id":7,"ok":false,"error":{"code":"...","message":"..."}} or the reason why there is none

A request that has several answers (a stream) marks each but the last one with ``"more":true``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any, Final

from ldirectord_py.control.rights import UNKNOWN_PEER, Peer
from ldirectord_py.errors import LdirectordError
from ldirectord_py.runtime.json_lines import encode_json

PROTOCOL_VERSION: Final = 1

MAX_REQUEST_LENGTH: Final = 64 * 1024
"""Bytes of a request, with its line end."""

MAX_ANSWER_LENGTH: Final = 256 * 1024 * 1024
"""Bytes of one answer that a client reads."""

Answer = Mapping[str, object]
"""The fields of an answer; one of them, or of the items of a Lazy, may be a Lazy or Encoded."""


class Code:
    """The codes of errors."""

    BAD_REQUEST: Final = "bad_request"
    UNKNOWN_REQUEST: Final = "unknown_request"
    FORBIDDEN: Final = "forbidden"
    BUSY: Final = "busy"
    TIMEOUT: Final = "timeout"
    INTERNAL: Final = "internal"
    NOT_FOUND: Final = "not_found"
    REFUSED: Final = "refused"


class RequestError(LdirectordError):
    """A request is refused; has a Code, a text for people, and further fields of the error."""

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request: its name, its arguments, and who sends it; ``id`` is that of its answers."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: int | str | None = None
    peer: Peer = UNKNOWN_PEER

    def text(self, name: str, default: str | None = None) -> str:
        """Return an argument that is a text; raises RequestError if it is missing without a default, or another."""
        value: str = self._argument(name, str, "a string", default)
        return _utf8(name, value)

    def flag(self, name: str) -> bool:
        """Return an argument that is true or false; false if it is missing."""
        value: bool = self._argument(name, bool, "true or false", False)
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return an argument that is a finite number."""
        value: float = self._argument(name, int | float, "a number", default)
        if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise RequestError(Code.BAD_REQUEST, f"{name} has to be a number")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an argument that is a list of strings; none if it is missing."""
        values = self._argument(name, list, "a list of strings", [])
        if not all(isinstance(value, str) for value in values):
            raise RequestError(Code.BAD_REQUEST, f"{name} has to be a list of strings")
        return tuple(_utf8(name, value) for value in values)

    def _argument(self, name: str, kind: Any, description: str, default: Any) -> Any:
        value = self.arguments.get(name)
        if value is None:
            value = default
        if not isinstance(value, kind):
            raise RequestError(Code.BAD_REQUEST, f"{name} has to be {description}")
        return value


@dataclass(frozen=True, slots=True)
class Lazy:
    """A list in an answer whose items are made while it is sent, so that thousands of them do not delay others."""

    items: Iterable[object]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A value in an answer that is JSON already: a field, or an item of a Lazy."""

    text: str


def decode_request(line: bytes, peer: Peer) -> ControlRequest:
    """Return the request in a line; raises RequestError, whose detail ``id`` is that of the line if it has one."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        raise RequestError(Code.BAD_REQUEST, "a request is a JSON object on one line") from None
    if not isinstance(fields, dict):
        raise RequestError(Code.BAD_REQUEST, "a request is a JSON object")
    number = fields.pop("id", None)
    if isinstance(number, bool) or not isinstance(number, int | str | None):
        raise RequestError(Code.BAD_REQUEST, "id has to be a number or a string")
    if fields.pop("v", PROTOCOL_VERSION) != PROTOCOL_VERSION:
        raise RequestError(Code.BAD_REQUEST, f"this daemon speaks version {PROTOCOL_VERSION}", id=number)
    name = fields.pop("request", None)
    if not isinstance(name, str):
        raise RequestError(Code.BAD_REQUEST, "a request needs its name: request", id=number)
    return ControlRequest(name, fields, number, peer)


def encode_request(number: int, name: str, arguments: Mapping[str, object]) -> bytes:
    """Return the line of a request; an argument that is None is left out."""
    given = {key: value for key, value in arguments.items() if value is not None}
    return encode_json({"v": PROTOCOL_VERSION, "id": number, "request": name, **given}).encode() + b"\n"


def answer_fields(number: int | str | None, fields: Answer, *, more: bool = False) -> Answer:
    """Return all fields of an answer to the request of that number."""
    return {"v": PROTOCOL_VERSION, "id": number, "ok": True, **({"more": True} if more else {}), **fields}


def error_fields(number: int | str | None, error: RequestError, fields: Answer) -> Answer:
    """Return all fields of the answer to a request that is refused."""
    described = {"code": error.code, "message": str(error), **error.details}
    return {"v": PROTOCOL_VERSION, "id": number, "ok": False, **fields, "error": described}


def encode_pieces(value: object) -> Iterator[str]:
    """Yield the JSON of a value in pieces: one for each item of a Lazy list, whose items are made meanwhile."""
    if isinstance(value, Encoded):
        yield value.text
    elif isinstance(value, Lazy):
        yield from _joined("[", map(encode_pieces, value.items), "]")
    elif isinstance(value, Mapping) and _is_in_pieces(value):
        yield from _joined("{", _members(value), "}")
    else:
        yield encode_json(value)


def _is_in_pieces(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(isinstance(each, Lazy | Encoded) for each in value.values())
    return isinstance(value, Lazy | Encoded)


def _members(fields: Mapping[str, object]) -> Iterator[Iterator[str]]:
    """Yield the pieces of each field that is made in pieces, and one for all fields between two of these."""
    for in_pieces, group in groupby(fields.items(), lambda field: _is_in_pieces(field[1])):
        if in_pieces:
            yield from (chain((f"{encode_json(name)}:",), encode_pieces(value)) for name, value in group)
        else:
            yield iter((encode_json(dict(group))[1:-1],))


def _joined(start: str, items: Iterable[Iterator[str]], end: str) -> Iterator[str]:
    yield start
    separator = ""
    for pieces in items:
        yield separator
        yield from pieces
        separator = ","
    yield end


def _utf8(name: str, text: str) -> str:
    """Return a text that has no lone surrogate, which could be written nowhere; raises RequestError."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RequestError(Code.BAD_REQUEST, f"{name} has to be valid Unicode") from None
    return text

"""A line of the log as JSON (``logformat = json``), and as an entry of the journal."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ldirectord_py.report.event_fields import event_details, event_name
from ldirectord_py.report.events import Event
from ldirectord_py.runtime.json_lines import encode_json
from ldirectord_py.runtime.text import ESCAPED
from ldirectord_py.runtime.times import iso_time

FIELD_PREFIX: Final = "LDIRECTORD_"
"""The beginning of the names of our own fields in the journal."""

MAX_VALUE_SIZE: Final = 8192
"""Bytes of a field of the journal, except for the message."""


class LogLine(NamedTuple):
    """A line of the log: its time in seconds since the epoch, its level as ``logging`` numbers it, its text.

    ``logger`` is the name of the logger; ``event`` is the Event that the line reports, if it reports one.
    """

    seconds: float
    level: int
    text: str
    logger: str = ""
    event: Event | None = None


def json_object(line: LogLine, instance: str, pid: int) -> str:
    """Return the line as a JSON object; its ``message`` is the text."""
    head = {
        "time": iso_time(line.seconds),
        "level": logging.getLevelName(line.level).lower(),
        "logger": line.logger,
        "instance": instance,
        "pid": pid,
        "message": line.text,
    }
    return encode_json(head | _details(line))


def journal_entry(line: LogLine, instance: str, syslog: Mapping[str, str]) -> bytes:
    """Return the line as a datagram of the journal's native protocol; ``syslog`` has fields that syslog has too."""
    ours = {"logger": line.logger, "instance": instance, **_details(line)}
    fields = {"MESSAGE": line.text, **syslog} | dict(_journal_fields(ours, FIELD_PREFIX))
    return b"".join(_journal_field(name, value) for name, value in fields.items())


def _details(line: LogLine) -> dict[str, Any]:
    """Return the fields of the event, except for those that every line has."""
    if line.event is None:
        return {}
    return {"event": event_name(line.event), **event_details(line.event)}


def _journal_fields(fields: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield names and values: those of an object with its own name before theirs, none for null."""
    for name, value in fields.items():
        match value:
            case None:
                continue
            case Mapping():
                yield from _journal_fields(value, f"{prefix}{name.upper()}_")
            case bool():
                yield f"{prefix}{name.upper()}", "yes" if value else "no"
            case list():
                yield f"{prefix}{name.upper()}", ", ".join(map(str, value))
            case _:
                yield f"{prefix}{name.upper()}", str(value)


def _journal_field(name: str, value: str) -> bytes:
    data = value.encode(errors=ESCAPED)
    if name != "MESSAGE":
        data = data[:MAX_VALUE_SIZE]
    if b"\n" in data:
        return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
    return name.encode() + b"=" + data + b"\n"

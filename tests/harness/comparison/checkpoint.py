"""The traces of a daemon at a marked place of a scenario, made comparable: times, pids and versions are masked."""

from __future__ import annotations

import json
import quopri
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

_LOGGED: Final = re.compile(r"^\[[^]|]*\|[^]|]*\|\d+\] (.*)$", re.MULTILINE)
_CHANGES: Final = re.compile(
    r"(Added|Restored|Quiescent|Deleted) (real|fallback) server|(Added|Changed) virtual server"
    r"|Purged (real|virtual) server|Soft failure|Resetting soft failure|Starting |Reloading |emailalert: "
    r"|Linux Director Daemon terminated|Invoking |Exiting | - reread new configuration"
)
# Not that the file has changed: whether the original sees that before the signal to reload is a matter of chance.
_MASKED: Final = ((re.compile(r"(?<=/\d): .*"), ""), (re.compile(r"^Starting Linux Director .*(?= as )"), "Starting"))
_MONITORED: Final = re.compile(r"^\[[^]]*\] \[\d+\] (.*) \[(up|down)\] (.*)$", re.MULTILINE)
_REASON: Final = re.compile(r"^Reason: .*\n?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The traces of a daemon since the previous checkpoint; ``differs`` maps those that differ to a row of the page."""

    name: str
    differs: Mapping[str, str]
    table: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    monitor: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def seen(self) -> dict[str, tuple[str, ...]]:
        """Return all traces that are compared."""
        return {field.name: getattr(self, field.name) for field in fields(self)[2:]}


def logged(text: str) -> tuple[str, ...]:
    """Return the log messages about changes: a set, as ours adds rows before it removes others."""
    return tuple(sorted({_masked(message) for message in _LOGGED.findall(text) if _CHANGES.match(message)}))


def monitored(text: str) -> dict[str, tuple[str, ...]]:
    """Return the last line of a monitorfile about each server: its state, and the same with the message."""
    last = {server: (state, message) for server, state, message in _MONITORED.findall(text)}
    return {
        "monitor": tuple(sorted(f"{server} [{state}]" for server, (state, _) in last.items())),
        "messages": tuple(sorted(f"{server} [{state}] {message}" for server, (state, message) in last.items())),
    }


def mailed(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the mails of ``mailbox``: to whom and what, the names of their headers, the reasons that they give."""
    mails = alerts(lines)
    return {
        "mails": tuple(sorted(f"{mail['to']} {mail['headers']['Subject']}\n{_plain(mail['body'])}" for mail in mails)),
        "headers": tuple(sorted({f"{mail['from']} {' '.join(sorted(mail['headers']))}" for mail in mails})),
        "reasons": tuple(sorted({reason for mail in mails for reason in _REASON.findall(mail["body"])})),
    }


def alerts(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Return the mails, those that tell of several changes as one for each: how many are sent together is random."""
    return [single for line in lines for single in _apart(json.loads(line))]


def _apart(mail: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if mail["headers"].get("Content-Transfer-Encoding") == "quoted-printable":
        mail["body"] = quopri.decodestring(mail["body"]).decode()
    host, *blocks = re.split(r"^(?=Log-Message: )", mail["body"], flags=re.MULTILINE)
    if len(blocks) < 2:
        yield mail
        return
    for block in blocks:
        subject = block.partition("\n")[0].removeprefix("Log-Message: ").strip()
        yield {**mail, "headers": {**mail["headers"], "Subject": subject}, "body": f"{host.rstrip()}\n{block}"}


def compare(originals: list[Checkpoint], ours: list[Checkpoint]) -> list[str]:
    """Return descriptions of what differs and should not, or should and does not."""
    assert [point.name for point in originals] == [point.name for point in ours]
    wrong: list[str] = []
    for before, after in zip(originals, ours, strict=True):
        now = after.seen()
        for what, value in before.seen().items():
            row = before.differs.get(what)
            if row is None and value != now[what]:
                wrong.append(f"{before.name}: {what} differs\n{_sides(value, now[what])}")
            if row is not None and value == now[what]:
                wrong.append(f"{before.name}: {what} differs no longer ({row})\n{_sides(value, now[what])}")
    return wrong


def _plain(body: str) -> str:
    return _REASON.sub("", body).strip()


def _masked(message: str) -> str:
    for pattern, mask in _MASKED:
        message = pattern.sub(mask, message)
    return message


def _sides(original: Iterable[str], ours: Iterable[str]) -> str:
    apart = "\n           "
    return f"  original {apart.join(original) or 'nothing'}\n  ours     {apart.join(ours) or 'nothing'}"

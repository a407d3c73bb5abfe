"""``events``: what happened in a running daemon, and with ``--follow`` what happens."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.control_client import connect
from ldirectord_py.cli.invocation.moments import local_now, past_time
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.cli.output.terminal import Colour, coloured, printable_line, stop_without_reader, wants_colour
from ldirectord_py.control.client import NotReachable, may_pass
from ldirectord_py.control.protocol import RequestError
from ldirectord_py.runtime.text import count_of
from ldirectord_py.runtime.times import local_time

RECONNECT_INTERVAL: Final = 1.0
"""Seconds after which a follower looks for the daemon again."""

SILENCE_TIMEOUT: Final = 15.0
"""Seconds without an answer after which a follower connects again; a daemon sends one each second."""

NAME_WIDTH: Final = 22
"""Columns for the name of an event; the longest is configuration-in-force."""

NOTHING: Final[Mapping[str, Any]] = {"gap": None, "events": ()}
"""An answer without events."""

_NUMBER = re.compile(r"(?:(?P<epoch>[0-9a-f]{8}):)?(?P<seq>[0-9]+)")
_COLOURS: Final[Mapping[str, Colour]] = {
    **dict.fromkeys(("server-down", "outage-began", "kernel-lost", "row-refused", "configuration-refused"), Colour.RED),
    **dict.fromkeys(("server-up", "outage-over", "kernel-found", "checks-judged"), Colour.GREEN),
    **dict.fromkeys(("drift-repaired", "drift-accepted"), Colour.MAGENTA),
    **dict.fromkeys(("checks-unjudged", "names-unresolved", "server-drained", "server-disabled"), Colour.YELLOW),
}


class EventReader:
    """Reads the events of a daemon, which may be another one later. Its state: where it goes on."""

    def __init__(self, invocation: Invocation, position: Mapping[str, Any]) -> None:
        self._invocation = invocation
        self._position = dict(position)

    def read(self) -> Iterator[Mapping[str, Any]]:
        """Yield the answer to a request; raises NotReachable or RequestError."""
        with connect(self._invocation) as client:
            yield client.ask("events", **self._position)

    def follow(self) -> Iterator[Mapping[str, Any]]:
        """Yield answers for ever, each second at least; while no daemon answers, empty ones, and wait for the next one.

        Raises what the first attempt raises.
        """
        connected, told = False, ""
        while True:
            try:
                with connect(self._invocation) as client:
                    for answer in client.stream("events", SILENCE_TIMEOUT, follow=True, **self._position):
                        connected, told = True, ""
                        self._position = {"since": answer["last"], "epoch": answer["epoch"]}
                        yield answer
            except (NotReachable, RequestError) as error:
                if not connected or not may_pass(error):
                    raise
                if (text := str(error)) != told:
                    print(f"-- {text}; waiting for it", file=sys.stderr, flush=True)
                    told = text
            yield NOTHING
            time.sleep(RECONNECT_INTERVAL)
            while not self._is_back():
                yield NOTHING
                time.sleep(RECONNECT_INTERVAL)

    def _is_back(self) -> bool:
        try:
            connect(self._invocation).close()
        except NotReachable:
            return False
        return True


def run(invocation: Invocation) -> int:
    """Print the events, the oldest first; return 0; raise NotReachable without a daemon."""
    options = _parse_arguments(invocation.arguments)
    reader = EventReader(invocation, _position(options.since))
    colour = wants_colour(sys.stdout)
    for answer in reader.follow() if options.follow else reader.read():
        lines = _json_lines(answer) if options.json else event_lines(answer, colour=colour)
        text = "".join(f"{line}\n" for line in lines)
        if text:
            print(text, end="", flush=True)
        elif options.follow:
            stop_without_reader()
    return 0


def event_lines(answer: Mapping[str, Any], *, colour: bool) -> Iterator[str]:
    """Yield a line for each event: its number, local time, who if it was not the daemon itself, and what happened."""
    if gap := answer["gap"]:
        missed = "Events may be missing" if gap["missed"] is None else f"{count_of(gap['missed'], 'event')} missing"
        yield coloured(f"-- {missed}: {gap['reason']}", Colour.YELLOW, enabled=colour)
    for event in answer["events"]:
        who = f" [{printable_line(event['who'])}]" if event["who"] != "ldirectord" else ""
        code = f" [{event['code']}]" if event.get("code") else ""
        name = event["event"].ljust(NAME_WIDTH)
        text = f"{event['seq']:>6}  {local_time(event['time'])}  {name}{who} {event['message']}{code}"
        yield coloured(printable_line(text), _COLOURS.get(event["event"], Colour.PLAIN), enabled=colour)


def _json_lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield an object for each event, with the epoch; one with ``gap`` comes first where events are missing."""
    if answer["gap"]:
        yield json.dumps({"epoch": answer["epoch"], "gap": answer["gap"]})
    for event in answer["events"]:
        yield json.dumps({"epoch": answer["epoch"], **event})


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser("events")
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--since", default="", metavar="SEQ|TIME")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _position(since: str) -> dict[str, Any]:
    """Return the arguments of a request for ``SEQ``, ``EPOCH:SEQ`` or a time; raises UsageError."""
    if not since:
        return {}
    if number := _NUMBER.fullmatch(since):
        return {"since": int(number["seq"]), "epoch": number["epoch"]}
    return {"since_time": past_time(since, local_now())}

"""``show``: the servers of a running daemon, and what it thinks of them."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.control_client import connect
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.cli.output.server_details import detail_lines
from ldirectord_py.cli.output.server_table import has_bad_trouble, show_lines
from ldirectord_py.cli.output.table_layout import Layout
from ldirectord_py.cli.output.terminal import wants_colour
from ldirectord_py.control.client import ControlClient

DOWN: Final = 3
"""The exit status of ``show --down`` when a server is down or disagrees, or a virtual has none."""

MAX_DETAILED: Final = 4
"""Servers of the given names that are shown one by one; more of them are a table."""


def run(invocation: Invocation) -> int:
    """Print the servers; return 0, or DOWN; raise NotReachable without a daemon, RequestError for an unknown name."""
    options = _parse_arguments(invocation.arguments)
    with connect(invocation) as client:
        answer = _ask(client, options)
    in_trouble = [virtual for virtual in answer["virtuals"] if has_bad_trouble(virtual)] if options.down else []
    if options.json and options.down:
        answer["virtuals"] = in_trouble
    try:
        print(_answer_json(answer) if options.json else "\n".join(_lines(answer, options)), flush=True)
    finally:
        status = DOWN if in_trouble else 0
    return status


def _parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser("show")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--down", action="store_true")
    which.add_argument("--all", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args(arguments)


def _ask(client: ControlClient, options: argparse.Namespace) -> dict[str, Any]:
    """Return the answer, with details where servers are named and they are few, or for programs."""
    which = "down" if options.down else "all" if options.all or options.names or options.json else "trouble"
    answer = client.ask("show", which=which, names=options.names or None, details=bool(options.names and options.json))
    if options.names and not options.json and 0 < len(_reals(answer)) <= MAX_DETAILED and not options.down:
        answer = client.ask("show", which=which, names=options.names, details=True)
    return answer


def _reals(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [real for virtual in answer["virtuals"] for real in virtual["reals"]]


def _lines(answer: Mapping[str, Any], options: argparse.Namespace) -> Iterator[str]:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    layout = Layout(
        width,
        wants_colour(sys.stdout),
        everything=bool(options.all or options.names or options.down),
        down_only=options.down,
    )
    reals = _reals(answer)
    if reals and "results" in reals[0]:
        for number, real in enumerate(reals):
            yield from [""] * (number > 0)
            yield from detail_lines(real, answer, layout)
    elif options.down and not any(map(has_bad_trouble, answer["virtuals"])):
        yield "Nothing is down, and nothing disagrees"
    else:
        yield from show_lines(answer, layout)


def _answer_json(answer: Mapping[str, Any]) -> str:
    return json.dumps({name: value for name, value in answer.items() if name not in {"v", "id", "ok"}}, indent=2)

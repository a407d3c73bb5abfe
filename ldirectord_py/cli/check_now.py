"""``check-now``: have the daemon probe servers at once, and print each result."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ldirectord_py.cli.invocation.arguments import Invocation, UsageError
from ldirectord_py.cli.invocation.control_client import connect
from ldirectord_py.cli.invocation.options import OptionParser

FIELDS = ("virtual", "real", "name", "check", "verdict", "code", "reason", "ms")
"""What is printed of a result as JSON."""


def run(invocation: Invocation) -> int:
    """Return 0 if every server that is checked is up, else 1; raises NotReachable and RequestError."""
    options = _read_options(invocation.arguments)
    with connect(invocation) as client:
        results = client.stream("check-now", names=options.names)
        shown = list(results) if options.json else list(_printed(results))
    if options.json:
        print(json.dumps([{name: result[name] for name in FIELDS} for result in shown], indent=2))
    return int(any(result["verdict"] != "up" and result["code"] != "NOCHECK" for result in shown))


def _read_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser("check-now")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args(arguments)
    if not options.names:
        raise UsageError("check-now: name a server, as in web1, tcp:192.0.2.1:80/10.0.0.1 or web*")
    return options


def _printed(results: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Print each result when it comes, and yield it."""
    for result in results:
        name = f" ({result['name']})" if result["name"] else ""
        place = f"{result['virtual']}/{result['real']}{name}"
        time = f"{result['ms']:.1f} ms" if result["code"] != "NOCHECK" else "-"
        print(f"{result['verdict']:<4}  {result['code']:<8}  {time:>10}  {place}  {result['reason']}", flush=True)
        yield result

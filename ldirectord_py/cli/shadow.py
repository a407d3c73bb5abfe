"""``shadow``: a daemon that changes nothing, beside the one that directs, and where their tables differ."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import uvloop

from ldirectord_py.administration import Entries
from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.moments import seconds_or_duration
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.model import virtual_id
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.administration.saved_file import read_saved_file
from ldirectord_py.daemon.shadow import Shadow, start_shadow
from ldirectord_py.divergences import Divergence
from ldirectord_py.instance.pid_file import instance
from ldirectord_py.ipvs.ipvsadm import command, values
from ldirectord_py.ipvs.netlink.read_only import read_only_kernel
from ldirectord_py.ipvs.table import Row, service_of
from ldirectord_py.report.log.logfile import PACKAGE_LOGGER
from ldirectord_py.runtime.text import count_of

DIFFERENCES: Final = 1
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)


def run(invocation: Invocation) -> int:
    """Compare until a signal or the end of ``--for``; return 0 if the tables were the same all along, else 1."""
    options = _parse_options(invocation.arguments)
    path = invocation.config_file().absolute()
    loaded = load_with_warnings(path)
    entries, faults = read_saved_file(instance(invocation.instance)).entries(time.time())
    for fault in faults:
        print(fault, file=sys.stderr)
    printer = _Printer(as_json=options.json)
    with _log_on_stderr(debug=invocation.debug), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_shadow(loaded, path, entries, options.seconds, printer))


def _parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser("shadow")
    parser.add_argument("--for", dest="seconds", type=_seconds, metavar="SECONDS")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _seconds(text: str) -> float:
    seconds = seconds_or_duration(text)
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to compare; write seconds, 10m or 1d")
    return seconds


@contextmanager
def _log_on_stderr(*, debug: bool) -> Iterator[None]:
    """Print log lines to standard error: warnings, and with ``debug`` all of them."""
    handler, package = logging.StreamHandler(), logging.getLogger(PACKAGE_LOGGER)
    level = package.level
    package.setLevel(logging.DEBUG if debug else logging.WARNING)
    package.addHandler(handler)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(level)


async def _shadow(loaded: Parsed, path: Path, entries: Entries, seconds: float | None, printer: _Printer) -> int:
    kernel = read_only_kernel()
    try:
        shadow = await start_shadow(loaded, path, kernel, printer.print_difference, entries)
        begin = time.monotonic()
        printer.print_begin(shadow)
        running = asyncio.create_task(shadow.run())
        try:
            await asyncio.wait((running, _stop_signal()), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
        finally:
            running.cancel()
            await asyncio.gather(running, shadow.close(), return_exceptions=True)
        return printer.print_verdict(shadow, time.monotonic() - begin)
    finally:
        await kernel.aclose()


def _stop_signal() -> asyncio.Future[None]:
    """Return a future that is done at the first signal to stop."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def on_stop() -> None:
        if not stop.done():
            stop.set_result(None)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_stop)
    return stop


class _Printer:
    """Prints differences and the verdict, as text or as a JSON object for each line."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def print_begin(self, shadow: Shadow) -> None:
        """Print what is compared."""
        virtuals, reals = len(shadow.director.compiled.virtuals), len(shadow.director.health)
        text = f"comparing {count_of(virtuals, 'service')} with {count_of(reals, 'real server')}; nothing is written"
        self._print(text, event="begin", services=virtuals, reals=reals)

    def print_difference(self, divergence: Divergence, reason: str) -> None:
        """Print a difference that begins to count, or that is over."""
        line, kernel, ours = command(divergence.op), _values_of(divergence.found), _values_of(divergence.wanted)
        seconds = round((divergence.over or time.monotonic()) - divergence.since, 1)
        if divergence.over is None:
            text = f"differs since {seconds:g} s: {line}  # {kernel} -> {ours}" + (f"; {reason}" if reason else "")
        else:
            text = f"the same again after {seconds:g} s: {line}"
        event = "differs" if divergence.over is None else "same-again"
        virtual = virtual_id(service_of(divergence.op.row.key))
        self._print(
            text, event=event, virtual=virtual, command=line, kernel=kernel, ours=ours, reason=reason, seconds=seconds
        )

    def print_verdict(self, shadow: Shadow, seconds: float) -> int:
        """Print the verdict and return the exit status."""
        comparison, tracker = shadow.comparison, shadow.comparison.tracker
        same = comparison.count > 0 and not tracker.count
        how = f"compared {count_of(comparison.count, 'time')} in {seconds:.0f} s"
        found = f"{count_of(tracker.count, 'difference')}, {len(tracker.ongoing)} at the end"
        later = f"; {count_of(tracker.pending, 'more row')} at the end, not for long yet" if tracker.pending else ""
        self._print(
            f"{'the same all along' if same else found}: {how}{later}",
            event="verdict",
            same=same,
            differences=tracker.count,
            ongoing=len(tracker.ongoing),
            pending=tracker.pending,
            comparisons=comparison.count,
            seconds=round(seconds, 1),
        )
        return 0 if same else DIFFERENCES

    def _print(self, text: str, **fields: Any) -> None:
        now = datetime.now().astimezone()
        if self._as_json:
            print(json.dumps({"time": now.isoformat(timespec="milliseconds"), **fields}), flush=True)
        else:
            print(f"{now:%H:%M:%S} {text}", flush=True)


def _values_of(row: Row | None) -> str:
    return "no row" if row is None else values(row)

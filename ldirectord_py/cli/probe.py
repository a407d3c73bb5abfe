"""``probe``: run each check once, now, without root, kernel or daemon."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import uvloop

from ldirectord_py.address import endpoint
from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.checktypes import command
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.probe import MAX_PROBES, concluded, probe
from ldirectord_py.checks.registry import checker_for, kinds, room_for
from ldirectord_py.cli.invocation.arguments import Invocation, UsageError
from ldirectord_py.cli.invocation.configuration import load_with_warnings
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.config.model import Config, Real, Virtual
from ldirectord_py.desired import real_key
from ldirectord_py.health import Verdict
from ldirectord_py.plan import plan
from ldirectord_py.server_names import ServerPattern, find_virtuals, unknown_server

MAX_CONCURRENT = 200
"""Probes that run at the same time; the measured time begins when a probe begins."""

MIN_CHECKS_SHOWN = 20
"""From this number of checks on, a terminal shows how many are done."""


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A real server of a virtual and its check, None where nothing is probed."""

    virtual: Virtual
    real: Real
    check: Check | None

    @property
    def check_name(self) -> str:
        """Return the name of the check, or the ``checktype`` that has none."""
        return self.check.kind if self.check else self.virtual.checktype.value


def run(invocation: Invocation) -> int:
    """Print the results; return 0 if every server that is checked is up, else 1."""
    options = _parse_options(invocation.arguments)
    loaded = load_with_warnings(invocation.config_file())
    limits = CheckLimits(loaded.config.settings.maxexternal)
    chosen = _chosen_rows(loaded.config, options)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(_probe_all({row.check: None for row in chosen if row.check}, limits))
    results = [(row, found[row.check] if row.check else _unchecked(row)) for row in chosen]
    print(_as_json(results) if options.json else _as_text(results), flush=True)
    return int(any(row.check and result.verdict is not Verdict.UP for row, result in results))


def _parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OptionParser("probe")
    parser.add_argument("--real", default="")
    parser.add_argument("--virtual", default="")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _chosen_rows(config: Config, options: argparse.Namespace) -> list[ProbeRow]:
    """Return a row for each real server that the options select; raises UsageError if there are none."""
    virtuals = find_virtuals(config.virtuals, options.virtual) if options.virtual else config.virtuals
    rows = _rows(config, virtuals)
    if options.virtual and not rows:
        raise UsageError(f"probe: no virtual {options.virtual} with real servers; write it as in tcp:192.0.2.1:80")
    if options.real:
        pattern = ServerPattern(options.real)
        rows = [row for row in rows if pattern.matches(row.virtual, row.real)]
        if not rows:
            raise UsageError(f"probe: {unknown_server(virtuals, options.real)}")
    return rows


def _rows(config: Config, virtuals: Iterable[Virtual]) -> list[ProbeRow]:
    """Return a row for each real server of these virtuals, in the order of the file."""
    checks = {key: check for check, keys in plan(config, kinds()).items() for key in keys}
    return [
        ProbeRow(virtual, real, checks.get(real_key(virtual, real))) for virtual in virtuals for real in virtual.reals
    ]


async def _probe_all(checks: Mapping[Check, None], limits: CheckLimits) -> Mapping[Check, Result]:
    """Return the result of one probe of each check."""
    turns = asyncio.Semaphore(MAX_CONCURRENT)
    progress = _Progress(len(checks))

    async def one(check: Check) -> Result:
        checker, room = checker_for(check, limits), room_for(check, limits) or nullcontext()
        for probes in range(1, MAX_PROBES + 1):
            async with room, turns:
                result = await probe(checker, check.target)
            if probes >= result.conclusive_after:
                break
        progress.step()
        return concluded(result)

    results = await asyncio.gather(*map(one, checks))
    await command.all_ended()
    progress.clear()
    return dict(zip(checks, results, strict=True))


class _Progress:
    """Shows on a terminal how many checks are done, which is its state."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = total >= MIN_CHECKS_SHOWN and sys.stderr.isatty()

    def step(self) -> None:
        """Count one more check as done."""
        self._done += 1
        if self._shown:
            print(f"\r{self._done} of {self._total} checks done", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Clear the line."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _unchecked(row: ProbeRow) -> Result:
    return Result(Verdict.NONE, f"not checked (checktype = {row.check_name})", 0.0)


def _as_json(results: Sequence[tuple[ProbeRow, Result]]) -> str:
    rows = [
        {
            "virtual": row.virtual.id,
            "real": endpoint(row.real.server, row.real.port),
            "check": row.check_name,
            "verdict": result.verdict.name.lower(),
            "code": result.code,
            "ms": round(result.seconds * 1000, 1),
            "reason": result.reason,
        }
        for row, result in results
    ]
    return json.dumps(rows, indent=2)


def _as_text(results: Sequence[tuple[ProbeRow, Result]]) -> str:
    head = ("VIRTUAL", "REAL", "VERDICT", "MS", "REASON")
    table = [head, *(_cells(row, result) for row, result in results)]
    virtual, real = (max(len(cells[column]) for cells in table) for column in (0, 1))
    return "\n".join(f"{v:<{virtual}}  {r:<{real}}  {word:<7}  {ms:>8}  {reason}" for v, r, word, ms, reason in table)


def _cells(row: ProbeRow, result: Result) -> tuple[str, str, str, str, str]:
    ms = f"{result.seconds * 1000:.1f}" if row.check else "-"
    return row.virtual.id, str(row.real), result.verdict.name.lower(), ms, result.reason

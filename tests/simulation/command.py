"""The command line of the simulation: many seeds, or one of them again, with the faults that it needs to fail."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

from simulation.known_bugs.all_known_bugs import KNOWN_BUGS
from simulation.plans import Plan, busy_plan, long_plan, short_plan
from simulation.shrink import shrunk
from simulation.simulate import Outcome, simulate

INVARIANTS: Final = tuple(f"I{number}" for number in range(1, 11))
"""Those of docs/reliability.md."""


def main() -> int:
    """Return 0 if no invariant was violated."""
    arguments = _arguments()
    sys.unraisablehook = lambda _: None  # the coroutines of processes that were killed complain of their end
    with KNOWN_BUGS[arguments.bug].put_back() if arguments.bug else nullcontext():
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.seed:
        return _repeat(_plan(arguments.seed, arguments))
    totals = Totals()
    for number in range(arguments.first, arguments.first + arguments.seeds):
        plan = _plan(str(number), arguments)
        outcome = simulate(plan)
        totals.add(plan.seed, outcome)
        if arguments.days or arguments.hours:
            print(f"seed {plan.seed}: {outcome.probes:,} probes, {outcome.seconds:.1f} s", file=sys.stderr, flush=True)
        if outcome.violations:
            _report(plan, outcome, arguments)
            if arguments.until_failure:
                break
    print(json.dumps(totals.fields()) if arguments.json else totals.text())
    return 1 if totals.failed else 0


class Totals:
    """What came of all seeds together."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        self.failed: list[str] = []
        self.violations: list[str] = []
        self.hit: Counter[str] = Counter()
        self.checked = Counter(dict.fromkeys(INVARIANTS, 0))
        self.probes = 0
        self.seconds = 0.0
        self._began = time.perf_counter()

    def add(self, seed: str, outcome: Outcome) -> None:
        """Add the outcome of a seed."""
        self.digests[seed] = outcome.digest
        if outcome.violations:
            self.failed.append(seed)
            self.violations.append(outcome.violations[0])
        self.hit.update(outcome.hits.keys())
        self.checked.update(outcome.checked)
        self.probes += outcome.probes
        self.seconds += outcome.seconds

    def fields(self) -> dict[str, object]:
        """Return everything as the fields of a JSON object; ``hit`` counts the seeds that hit each fault point."""
        return {
            "failed": self.failed,
            "violations": self.violations,
            "digests": self.digests,
            "hit": dict(sorted(self.hit.items())),
            "checked": dict(self._sorted_checks()),
            "probes": self.probes,
            "cpu_seconds": round(self.seconds, 3),
        }

    def text(self) -> str:
        """Return everything as text."""
        checked = "\n".join(f"  {name:9} {number:12,} checks" for name, number in self._sorted_checks())
        hit = ", ".join(f"{name} {number}" for name, number in sorted(self.hit.items()))
        cost = f"{1e6 * self.seconds / max(1, self.probes):.0f} us of CPU time for each"
        real = time.perf_counter() - self._began
        return (
            f"{len(self.digests)} seeds in {real:.1f} s, {len(self.failed)} failed; {self.probes:,} probes, {cost}\n"
            f"{checked}\nseeds that hit each fault point: {hit}"
        )

    def _sorted_checks(self) -> list[tuple[str, int]]:
        """Return how often each invariant was checked: I1 to I10, and then the others."""
        return sorted(self.checked.items(), key=lambda item: (len(item[0]), item[0]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--days", type=float, default=0.0, help="500 servers for so many days")
    parser.add_argument("--hours", type=float, default=0.0, help="500 servers for so many hours, at 10 s")
    parser.add_argument("--calm", action="store_true", help="without faults")
    parser.add_argument("--seed", default="", help="repeat this seed, with its trace, and shrink its faults")
    parser.add_argument("--bug", default="", choices=sorted(KNOWN_BUGS), help="with this bug put back", metavar="NAME")
    parser.add_argument("--until-failure", action="store_true", help="end with the first seed that fails")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _plan(seed: str, arguments: argparse.Namespace) -> Plan:
    if arguments.days:
        plan = long_plan(seed, arguments.days)
    else:
        plan = busy_plan(seed, arguments.hours) if arguments.hours else short_plan(seed)
    return plan.with_faults(()) if arguments.calm else plan


def _repeat(plan: Plan) -> int:
    """Repeat one seed; where it fails, print the shortest list of faults with which it does."""
    outcome = simulate(plan)
    if outcome.violations:
        plan, outcome = shrunk(plan, outcome)
    print(*outcome.lines, *plan.faults, *outcome.violations[:3], sep="\n")
    print(f"seed {plan.seed}: {'fails' if outcome.violations else 'holds'}, digest {outcome.digest}")
    return 1 if outcome.violations else 0


def _report(plan: Plan, outcome: Outcome, arguments: argparse.Namespace) -> None:
    kind = f" DAYS={arguments.days:g}" if arguments.days else ""
    kind += f" HOURS={arguments.hours:g}" if arguments.hours else ""
    kind += f" BUG={arguments.bug}" if arguments.bug else ""
    again = f"make simulate SEED={plan.seed}{kind}{' CALM=1' if arguments.calm else ''}"
    found = f"seed {plan.seed} at commit {_commit()}: {outcome.violations[0]}"
    print(f"{found}\n  again: {again}", file=sys.stderr, flush=True)


def _commit() -> str:
    command: Sequence[str] = ("git", "describe", "--always", "--dirty")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"

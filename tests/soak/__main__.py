"""``python -m soak``: a thousand checks a second with reloads, flaps and hung servers; what grows (``make soak``)."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from soak.daemon import TRACED
from soak.soak import WARM_UP, Load, soak
from soak.trends import table

MIN_MINUTES: Final = 4.0
"""With fewer cycles nothing can be said."""


def main() -> int:
    """Return 0 if nothing grows."""
    arguments = _arguments()
    if os.geteuid() != 0:
        sys.stderr.write("a soak needs root, for a network namespace of its own\n")
        return 2
    if arguments.trace:
        os.environ[TRACED] = str(2 * WARM_UP)
    load = Load(arguments.rate, 60 * arguments.minutes)
    print(
        f"{arguments.minutes:g} minutes with {load.rate} checks a second; the first minute does not count", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        found = soak(Path(name), load)
    print(f"{found.rate:.0f} checks a second, {found.reloads} reloads, {found.changes} changes of servers")
    print(table(found.trends))
    print(found.traced, end="")
    for line in found.faults[:20]:
        print(line)
    return 0 if found.passed else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help=f"of the whole soak, at least {MIN_MINUTES:g}")
    parser.add_argument("--rate", type=int, default=1000, help="checks a second")
    parser.add_argument("--trace", action="store_true", help="print which code holds new memory; slow")
    arguments = parser.parse_args()
    if arguments.minutes < MIN_MINUTES:
        parser.error(f"the least is {MIN_MINUTES:g} minutes")
    return arguments


if __name__ == "__main__":
    sys.exit(main())

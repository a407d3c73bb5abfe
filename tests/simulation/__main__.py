"""``python -m simulation``: simulates the director for many seeds, or repeats one (``make simulate``)."""

from __future__ import annotations

import os
import sys

from simulation import clock

if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is a part of what a seed decides
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "simulation", *sys.argv[1:]])  # noqa: S606

clock.install()  # before the package is imported

from simulation.command import main  # noqa: E402  see above

raise SystemExit(main())

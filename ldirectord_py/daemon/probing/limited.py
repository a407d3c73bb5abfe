"""The prober of a process: for every kind of check, within the limits that its checks share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.registry import checker_for, room_for
from ldirectord_py.daemon.probing.prober import Prober


def limited_prober(report: Callable[[Check, Result], None], limits: CheckLimits) -> Prober:
    """Return a Prober whose checks share ``limits``."""
    return Prober(report, partial(checker_for, limits=limits), partial(room_for, limits=limits))

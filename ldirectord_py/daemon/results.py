"""Where each result of a check goes: to the director, and to the monitorfiles of the virtuals that it informs."""

from __future__ import annotations

from collections.abc import Callable

from ldirectord_py.checks.base import Check, Result
from ldirectord_py.config.model import Real, Virtual
from ldirectord_py.daemon.reconciler.director import IN_MAINTENANCE, Director
from ldirectord_py.health import Verdict


def noting(director: Director, note: Callable[[Virtual, Real, Result], None]) -> Callable[[Check, Result], None]:
    """Return what takes each result for the director and ``note``s it for every virtual that has a monitorfile."""

    def take(check: Check, result: Result) -> None:
        director.observe(check, result)
        if result.verdict is Verdict.NONE or not director.compiled.has_monitorfile:
            return
        for key in director.compiled.plan.get(check, ()):
            virtual, real = director.compiled.reals[key]
            if virtual.monitorfile is not None:
                note(virtual, real, IN_MAINTENANCE if key in director.maintained else result)

    return take

"""The default checker, for kinds without ``prepare``: it owns the objects that all probes of a check share."""

from __future__ import annotations

from collections.abc import Awaitable

from ldirectord_py.checks.base import Checker, Target
from ldirectord_py.checks.pattern import compiled
from ldirectord_py.checks.transport import tls


class Prepared:
    """A checker that keeps the compiled pattern and the TLS context of its target alive.

    Equal ones are shared with other checks. They are created by the first probe: a reload that brings thousands of
    checks must not hold up the event loop.
    """

    __slots__ = ("_checker", "_kept", "_over_tls")

    def __init__(self, checker: Checker, *, over_tls: bool) -> None:
        self._checker = checker
        self._over_tls = over_tls
        self._kept: tuple[object, ...] = ()

    def __call__(self, target: Target) -> Awaitable[str]:
        """Return the probe."""
        if not self._kept:
            context = tls.context(verify=target.tlsverify, ca=target.tlsca) if self._over_tls else None
            self._kept = (compiled(target.receive), context)
        return self._checker(target)

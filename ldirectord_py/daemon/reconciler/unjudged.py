"""Reports the checks that give no verdict because of faults of this host."""

from __future__ import annotations

import re
from collections.abc import Callable, Container

from ldirectord_py.checks.base import Check
from ldirectord_py.report.events import Unjudged
from ldirectord_py.runtime.incidents import Incident, Incidents

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


class UnjudgedChecks:
    """Reports each kind of fault, not each check, as ``Incidents`` does. Its state: the faults that are not over."""

    def __init__(self, report: Callable[[Unjudged], None]) -> None:
        self._incidents = Incidents[Check](lambda incident: report(_event(incident)))

    def add(self, check: Check, reason: str) -> None:
        """Record that the check gave no verdict because of a fault of this host."""
        self._incidents.record(check, kind_of(reason), reason)

    def remove(self, check: Check) -> None:
        """Record that the check gave a verdict."""
        self._incidents.clear(check)

    def keep(self, checks: Container[Check]) -> None:
        """Remove all other checks."""
        self._incidents.retain(checks)


def kind_of(reason: str) -> str:
    """Return the kind of a fault: its reason without numbers, and without details after a colon."""
    return _NUMBER.sub("N", reason.partition(": ")[0])


def _event(incident: Incident[Check]) -> Unjudged:
    servers = {(check.target.address, check.target.port) for check in incident.subjects}
    return Unjudged(incident.last, incident.detail, incident.count, len(servers), incident.over)

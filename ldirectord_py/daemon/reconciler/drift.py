"""Finds the changes that others made to the rows of a virtual."""

from __future__ import annotations

from collections.abc import Iterator

from ldirectord_py.ipvs.table import Destination, Row, Service, Table, kept
from ldirectord_py.report.events import Drifted


def drift(before: Table, found: Table, wanted: Table, *, readd_quiescent: bool) -> Iterator[Drifted]:
    """Yield one event for each row of a service that somebody changed, or one event if the service is gone.

    Three kinds of changes are accepted, unless ``wanted`` differs from ``before``: another weight, another value that
    the configuration does not set, and without ``readd_quiescent`` the removal of a row of weight 0.
    """
    gone = next((row for key, row in before.items() if isinstance(row, Service) and key not in found), None)
    if gone:
        yield Drifted(gone, None, repaired=True)
        return
    for key, row in before.items():
        now = found.get(key)
        if now != row:
            accepted = _is_accepted(wanted.get(key), row, now, readd_quiescent=readd_quiescent)
            yield Drifted(row, now, repaired=not accepted)
    for key, row in found.items():
        if key not in before:
            yield Drifted(None, row, repaired=True)


def _is_accepted(wanted: Row | None, before: Row, found: Row | None, *, readd_quiescent: bool) -> bool:
    if wanted is None or kept(wanted, before) != before:
        return False
    if found is None:
        return isinstance(before, Destination) and before.weight == 0 and not readd_quiescent
    as_found = kept(wanted, found)
    if isinstance(as_found, Destination) and isinstance(found, Destination):
        as_found = as_found._replace(weight=found.weight)
    return as_found == found

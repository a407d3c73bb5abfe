"""Finds the changes that others made to the rows of a virtual."""

from __future__ import annotations

from collections.abc import Container, Iterator

from ldirectord_py.ipvs.table import Destination, Key, Row, Service, Table, kept
from ldirectord_py.report.events import Drifted


def drift(
    before: Table, found: Table, wanted: Table, *, readd_quiescent: bool, administered: Container[Key] = ()
) -> Iterator[Drifted]:
    """Yield one event for each row of a service that somebody changed, or one event if the service is gone.

    Three kinds of changes are accepted, unless ``wanted`` differs from ``before``: another weight, another value that
    the configuration does not set, and without ``readd_quiescent`` the removal of a row of weight 0. Only the
    second is accepted in ``administered`` rows, of which an operator has drained or disabled a server.
    """
    gone = next((row for key, row in before.items() if isinstance(row, Service) and key not in found), None)
    if gone:
        yield Drifted(gone, None, repaired=True)
        return
    for key, row in before.items():
        now = found.get(key)
        if now != row:
            fixed = key in administered
            accepted = _is_accepted(wanted.get(key), row, now, readd=readd_quiescent or fixed, fixed_weight=fixed)
            yield Drifted(row, now, repaired=not accepted)
    for key, row in found.items():
        if key not in before:
            yield Drifted(None, row, repaired=True)


def _is_accepted(wanted: Row | None, before: Row, found: Row | None, *, readd: bool, fixed_weight: bool) -> bool:
    if wanted is None or kept(wanted, before) != before:
        return False
    if found is None:
        return isinstance(before, Destination) and before.weight == 0 and not readd
    as_found = kept(wanted, found)
    if isinstance(as_found, Destination) and isinstance(found, Destination) and not fixed_weight:
        as_found = as_found._replace(weight=found.weight)
    return as_found == found

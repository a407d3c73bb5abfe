"""What somebody else did to the rows of a virtual of ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ldirectord_py.ipvs.table import Destination, Key, Row, ServiceKey
from ldirectord_py.report.events import Drifted


def drift(
    service: ServiceKey, before: Mapping[Key, Row], found: Mapping[Key, Row], *, readd_quiescent: bool
) -> Iterator[Drifted]:
    """Yield one event for each row of ``service`` that is not as it was left; a vanished service is one event.

    Left as found are a weight, and without ``readd_quiescent`` the removal of a row of weight 0.
    """
    if service in before and service not in found:
        yield Drifted(before[service], None, mended=True)
        return
    for key, row in before.items():
        now = found.get(key)
        if now != row:
            yield Drifted(row, now, mended=not _left(row, now, readd_quiescent=readd_quiescent))
    for key, row in found.items():
        if key not in before:
            yield Drifted(None, row, mended=True)


def _left(before: Row, found: Row | None, *, readd_quiescent: bool) -> bool:
    if not isinstance(before, Destination):
        return False
    if isinstance(found, Destination):
        return replace(found, weight=before.weight) == before
    return before.weight == 0 and not readd_quiescent

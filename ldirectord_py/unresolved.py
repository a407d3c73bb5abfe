"""Rows in the kernel that may belong to host names without an address.

A director that starts while its resolver fails finds rows of servers whose names it cannot resolve. Removing these rows
would stop the use of healthy servers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ldirectord_py.config.model import Fallback, Real, Virtual
from ldirectord_py.desired import forwarding_method, row_key
from ldirectord_py.ipvs.table import Destination


def presume(virtual: Virtual, rows: Collection[Destination]) -> Virtual:
    """Return the virtual with a server for each row that must belong to one of its unresolved servers.

    A row becomes a real server if all unresolved ones with its port and forwarding method have equal checks, and the
    fallback if it is the only row that fits. The rows must not belong to the virtual's other servers.
    """
    reals = tuple(real for row in rows if (real := _real(virtual, row)) is not None)
    taken = {row_key(virtual, real) for real in reals}
    fallback = _fallback(virtual, [row for row in rows if row.key not in taken]) or virtual.fallback
    return replace(virtual, reals=(*virtual.reals, *reals), fallback=fallback)


def names(virtual: Virtual) -> list[str]:
    """Return the names of the servers without an address."""
    return [real.name or "a range" if isinstance(real, Real) else "the fallback" for real in virtual.unresolved]


def _real(virtual: Virtual, row: Destination) -> Real | None:
    fitting = [each for each in virtual.unresolved if isinstance(each, Real) and _fits(virtual, each, row)]
    if len({(each.port, each.request, each.receive) for each in fitting}) != 1:
        return None
    real = fitting[0]
    name = real.name if len(fitting) == 1 else None
    weight = row.weight or real.weight  # a row of weight 0 is down or quiescent, and comes back
    return real._replace(server=row.key.address, weight=weight, lower=row.lower, upper=row.upper, name=name)


def _fallback(virtual: Virtual, rows: Collection[Destination]) -> Fallback | None:
    for each in virtual.unresolved:
        fitting = [row for row in rows if isinstance(each, Fallback) and _fits(virtual, each, row)]
        if len(fitting) == 1:
            return Fallback(fitting[0].key.address, each.port, each.forward)
    return None


def _fits(virtual: Virtual, server: Real | Fallback, row: Destination) -> bool:
    """Return whether the row has the port and forwarding method of the server."""
    return row.key.port == row_key(virtual, server).port and row.forward is forwarding_method(server)

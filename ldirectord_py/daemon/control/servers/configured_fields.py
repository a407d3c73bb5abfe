"""The configuration of virtuals and real servers as fields of JSON, without secrets."""

from __future__ import annotations

from typing import Any

from ldirectord_py.config.model import Real, Virtual

Fields = dict[str, Any]


def configured_real(virtual: Virtual, real: Real) -> Fields:
    """Return what the configuration says of a real server."""
    return {
        "weight": real.weight,
        "forward": real.forward.value,
        "lower": real.lower,
        "upper": real.upper,
        "service": virtual.service,
        "checktype": _checktype(virtual),
        "checkinterval": virtual.checkinterval,
        "fastinterval": virtual.fastinterval,
        "downinterval": virtual.downinterval,
    }


def configured_virtual(virtual: Virtual) -> Fields:
    """Return what the configuration says of a virtual itself."""
    return {
        "scheduler": virtual.scheduler,
        "persistent": virtual.persistent,
        "service": virtual.service,
        "checktype": _checktype(virtual),
        "checkinterval": virtual.checkinterval,
        "fastinterval": virtual.fastinterval,
        "downinterval": virtual.downinterval,
        "failurecount": virtual.failurecount,
        "successcount": virtual.successcount,
        "quiescent": virtual.quiescent,
        "comment": virtual.comment,
        "unresolved": len(virtual.unresolved),
    }


def _checktype(virtual: Virtual) -> str:
    return virtual.checktype.value if virtual.connects is None else str(virtual.connects)

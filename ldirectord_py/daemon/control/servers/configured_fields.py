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
        **_checks(virtual),
    }


def configured_virtual(virtual: Virtual) -> Fields:
    """Return what the configuration says of a virtual itself."""
    return {
        "scheduler": virtual.scheduler,
        "persistent": virtual.persistent,
        **_checks(virtual),
        "failurecount": virtual.failurecount,
        "successcount": virtual.successcount,
        "quiescent": virtual.quiescent,
        "comment": virtual.comment,
        "unresolved": len(virtual.unresolved),
    }


def _checks(virtual: Virtual) -> Fields:
    return {
        "service": virtual.service,
        "checktype": virtual.checktype.value if virtual.connects is None else str(virtual.connects),
        "checkinterval": virtual.checkinterval,
        "fastinterval": virtual.fastinterval,
        "downinterval": virtual.downinterval,
    }

"""What the checks say of real servers, as fields of JSON: now, the last results, the last transitions.

Times of the monotonic clock become seconds of age, and UTC in ISO 8601.
"""

from __future__ import annotations

from typing import Final

from ldirectord_py.checks.base import Check
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.compiled_real import CompiledReal
from ldirectord_py.daemon.control.servers.configured_fields import Fields
from ldirectord_py.daemon.control.servers.knowledge import Knowledge, Moment
from ldirectord_py.daemon.history.results import PastResult
from ldirectord_py.daemon.history.transitions import PastTransition
from ldirectord_py.damping import FlappingState, KeptState, by_checks
from ldirectord_py.health import HealthState, Verdict
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.runtime.times import iso_time

LATE: Final = 1.0
"""Seconds beyond its interval and its timeout after which the result of a check is overdue."""


def past_results(known: Knowledge, check: Check | None) -> list[Fields]:
    """Return the last results of a check, the latest first."""
    return [_past_result(known.now, result) for result in known.results.results(check)] if check else []


def past_transitions(known: Knowledge, key: DestinationKey) -> list[Fields]:
    """Return the last transitions of a server, the latest first."""
    return [_past_transition(known.now, each) for each in known.transitions.transitions(key)]


def _past_result(now: Moment, result: PastResult) -> Fields:
    verdict, code, words = result.reason
    return {
        "at": now.iso(result.at),
        "age": now.age(result.at),
        "verdict": verdict.name.lower(),
        "code": code.value,
        "reason": words,
        "latency": float(f"{result.seconds:.4g}"),
    }


def _past_transition(now: Moment, transition: PastTransition) -> Fields:
    return {
        "at": now.iso(transition.at),
        "age": now.age(transition.at),
        "up": transition.up,
        "code": transition.code.value,
        "reason": transition.words,
    }


def observed_real(known: Knowledge, real: CompiledReal, check: Check | None, *, maintained: bool) -> Fields:
    """Return what the checks say of a real server, which is in maintenance if it is ``maintained``."""
    state = known.health[real.key]
    counted = HealthState() if maintained else state  # verdicts are not counted meanwhile
    last = known.results.last(check) if check else None
    since = known.transitions.since(real.key)
    result: Fields = (
        _past_result(known.now, last)
        if last
        else {"at": None, "age": None, "verdict": None, "code": None, "reason": None, "latency": None}
    )
    if check is None:
        result |= {"code": ReasonCode.NOCHECK.value, "reason": f"checktype = {real.virtual.checktype.value}"}
    return {
        "up": _is_up(state, last, check, maintained=maintained),
        "since": None if since is None else known.now.iso(since),
        **result,
        "flapping": isinstance(state, FlappingState),
        "kept": isinstance(state, KeptState),
        "rising": known.tenths.get(real.key),
        "overdue": check is not None and is_overdue(known, check, last),
        "failures": min(counted.failures, real.virtual.failurecount),
        "failurecount": real.virtual.failurecount,
        "successes": min(counted.successes, real.virtual.successcount),
        "successcount": real.virtual.successcount,
        "transition_count": known.transitions.count(real.key),
        "certificate_end": _certificate_end(known, check),
    }


def _certificate_end(known: Knowledge, check: Check | None) -> str | None:
    end = known.results.certificate_end(check) if check else None
    return None if end is None else iso_time(end)


def _is_up(state: HealthState, last: PastResult | None, check: Check | None, *, maintained: bool) -> bool | None:
    """Return what the checks say, None if they have said nothing; maintenance does not count here."""
    if check is None:
        return by_checks(state).up
    if last is None:
        return None
    return last.reason.verdict is Verdict.UP if maintained else by_checks(state).up


def longest_age(check: Check) -> float:
    """Return the age in seconds beyond which the last result of a check is overdue."""
    return check.max_interval + check.target.timeout + LATE


def is_overdue(known: Knowledge, check: Check, last: PastResult | None) -> bool:
    """Return whether the result after the ``last`` one should have come."""
    since = last.at if last is not None else known.results.added(check)
    return since is not None and known.now.monotonic - since > longest_age(check)

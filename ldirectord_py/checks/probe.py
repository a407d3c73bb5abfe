"""One probe under its deadline; turns the exceptions of checks into results."""

from __future__ import annotations

import logging
import ssl
import time
from typing import Final

from ldirectord_py.checks.base import Checker, Result, Target
from ldirectord_py.checks.certificate import take_certificate_end
from ldirectord_py.checks.code_derivation import failure_code, success_code
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.checks.deadline import Deadline
from ldirectord_py.checks.progress import LOOKUP, NO_TLS, NOT_CONNECTED, progress, set_progress
from ldirectord_py.checks.reasons import is_local, words
from ldirectord_py.errors import CheckFailed, DeadlinePassed, Inconclusive
from ldirectord_py.health import Verdict
from ldirectord_py.runtime.text import MAX_PRINTABLE, as_bytes, escape_controls, printable

_log = logging.getLogger(__name__)


MAX_STALL: Final = 0.1
"""Seconds: a failure is in doubt if this process stood still for longer than this during the probe."""

MAX_PROBES: Final = 4
"""Probes in a row that fail in doubt, after which there is no verdict."""

_MAX_TIMEOUTS: Final = 2
"""Timeouts in a row after which a server is down though this process stood still, if their deadlines were extended."""


async def probe(checker: Checker, target: Target) -> Result:
    """Return the result of a check within ``target.timeout`` seconds; raises nothing but CancelledError."""
    start = time.monotonic()
    if progress():  # of another probe, whose context this task has; to set it each time takes 0.07 us more
        set_progress("")
    deadline = Deadline(target.timeout)
    try:
        word = await checker(target)
    except BaseException as error:  # no error of a check may end the daemon
        # No other name for the error here: it holds this frame, and the two would be garbage for the collector.
        if (result := _failed(error, deadline, target, start)) is None:
            raise
        return result
    deadline.end()
    return Result(Verdict.UP, word, time.monotonic() - start, success_code(progress()), 1, take_certificate_end())


def _failed(error: BaseException, deadline: Deadline, target: Target, start: float) -> Result | None:
    """Return the result of a check that raised, None where it was cancelled by others than its deadline."""
    failure = deadline.failure() if deadline.end() else error
    if not isinstance(failure, Exception):
        return None
    verdict, reason = _judge(failure, target)
    stalled = verdict is Verdict.DOWN and deadline.stalled > MAX_STALL
    after = _conclusive_after(failure) if stalled else 1
    code = failure_code(failure, progress())
    return Result(verdict, _masked(reason, target), time.monotonic() - start, code, after, take_certificate_end())


def _conclusive_after(failure: Exception) -> int:
    """Return how many probes in a row have to fail in doubt."""
    return _MAX_TIMEOUTS if isinstance(failure, DeadlinePassed) and failure.compensated else MAX_PROBES


def concluded(result: Result) -> Result:
    """Return the result of several probes in doubt, of which this is the last: no verdict, unless timeouts count."""
    if result.conclusive_after < MAX_PROBES:
        return result
    reason = f"this host stood still during the check: {result.reason}"
    return Result(Verdict.NONE, reason, result.seconds, ReasonCode.DOUBT)


def _judge(error: Exception, target: Target) -> tuple[Verdict, str]:
    match error:
        case DeadlinePassed() if progress() == LOOKUP:  # it is this host's resolver that does not answer
            return Verdict.NONE, str(error)
        case CheckFailed():
            return Verdict.DOWN, str(error)
        case Inconclusive():
            return Verdict.NONE, str(error)
        case _ if is_local(error):
            return Verdict.NONE, words(error)
        case OSError():
            return Verdict.DOWN, _where(error, words(error))
        case _:
            _log.error("check of %s port %d failed unexpectedly", target.address, target.port, exc_info=error)
            return Verdict.DOWN, f"{type(error).__name__} in the check (see the log)"


def _where(error: OSError, reason: str) -> str:
    """Return the reason, with how far the check had come where the error does not say so."""
    known = isinstance(error, ssl.SSLError) or reason.startswith("TLS: ") or progress() in {"", NOT_CONNECTED, NO_TLS}
    return reason if known else f"{reason} ({progress()})"


def _masked(reason: str, target: Target) -> str:
    """Return the reason as printable text, without the secrets that a server may have echoed."""
    for secret in (target.passwd, target.secret):
        if secret:
            echoed = printable(as_bytes(secret)[:MAX_PRINTABLE])
            reason = reason.replace(secret, "***").replace(echoed, "***")
    return escape_controls(reason)

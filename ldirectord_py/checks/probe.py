"""One check under its deadline: the only place where a check's exceptions end."""

from __future__ import annotations

import logging
import ssl
import time

from ldirectord_py.checks.base import Checker, Result, Target
from ldirectord_py.checks.deadline import within
from ldirectord_py.checks.phase import NO_TLS, NOT_CONNECTED, phase, reached
from ldirectord_py.checks.reasons import LONGEST, is_local, printable, words
from ldirectord_py.errors import CheckFailed, Inconclusive
from ldirectord_py.health import Verdict
from ldirectord_py.runtime.text import as_bytes
from ldirectord_py.runtime.text import printable as without_surrogates

_log = logging.getLogger(__name__)


async def probe(checker: Checker, target: Target) -> Result:
    """Return what one check finds within ``target.timeout`` seconds; raises nothing but CancelledError."""
    start = time.monotonic()
    reached("")
    try:
        verdict, reason = Verdict.UP, await within(target.timeout, checker(target))
    except Exception as error:  # noqa: BLE001  whatever a check raises is a verdict, not the daemon's end
        verdict, reason = _judge(error, target)
        reason = _masked(reason, target)
    return Result(verdict, reason, time.monotonic() - start)


def _judge(error: Exception, target: Target) -> tuple[Verdict, str]:
    match error:
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
    """Return the reason with how far the check had come, where the error does not tell."""
    told = isinstance(error, ssl.SSLError) or reason.startswith("TLS: ") or phase() in {"", NOT_CONNECTED, NO_TLS}
    return reason if told else f"{reason} ({phase()})"


def _masked(reason: str, target: Target) -> str:
    """Return the reason as text that can be written, with what a server may have echoed of our secrets taken out."""
    for secret in (target.passwd, target.secret):
        if secret:
            echoed = printable(as_bytes(secret)[:LONGEST])
            reason = reason.replace(secret, "***").replace(echoed, "***")
    return without_surrogates(reason)

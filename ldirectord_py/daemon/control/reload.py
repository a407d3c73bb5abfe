"""``reload``: read the configuration again, and say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ldirectord_py.control.protocol import Answer, Code, ControlRequest, RequestError
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.errors import Problem

MAX_PROBLEMS: Final = 1000
"""Errors and warnings in an answer; the log has all."""


async def reload(context: Context, _: ControlRequest) -> Answer:
    """Return the warnings of the file that is in force now; raises RequestError with its errors if it is refused."""
    outcome = await context.reloader.reload_soon()
    problems = _fields(outcome.problems)
    if outcome.taken:
        return {"problems": problems}
    reason = "; ".join(outcome.reasons) or f"{context.identity.path} has errors"
    if (missing := len(outcome.problems) - len(problems)) > 0:
        reason += f", of which {missing} more are in the log"
    raise RequestError(Code.REFUSED, f"the old configuration was kept: {reason}", problems=problems)


def _fields(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [
        {
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "severity": problem.severity.value,
            "what": problem.what,
            "hint": problem.hint,
        }
        for problem in problems[:MAX_PROBLEMS]
    ]

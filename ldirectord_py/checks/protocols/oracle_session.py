"""A query to Oracle, in a separate process.

Oracle's driver trusts the server: malformed packets make it loop for ever while it holds the interpreter's lock, or
crash, and it derives keys for as long as the server asks. A process can be killed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.checktypes import connect
from ldirectord_py.checks.progress import progress, set_progress
from ldirectord_py.checks.protocols.oracle_words import DOWN, LOGGED_IN, REFUSED, UP
from ldirectord_py.errors import BadStatus, CannotRun, CheckFailed
from ldirectord_py.runtime.child import Child, input_file
from ldirectord_py.runtime.environment import environment
from ldirectord_py.runtime.limiter import Limiter
from ldirectord_py.runtime.output import Output
from ldirectord_py.runtime.python_command import python_command

COMMAND = python_command("ldirectord_py.checks.protocols.oracle_child")

CONCURRENT_QUERIES = Limiter(8)
"""Limits the processes that run at the same time; each takes 0.2 s of CPU time before it connects."""

KILL_TIMEOUT = 1.0
"""Longest wait in seconds for a killed process to end."""

_PARAMETERS = ("address", "port", "timeout", "login", "passwd", "database")


async def run_statement(target: Target, statement: str) -> str:
    """Return the word for the result of a statement; raises CheckFailed if it has no row."""
    await connect.check(target)  # no process for a server that cannot be reached
    set_progress("connected, no answer to the login")
    parameters = {name: getattr(target, name) for name in _PARAMETERS}
    parameters |= {"address": str(target.address), "request": statement}
    async with CONCURRENT_QUERIES:
        return await _query(json.dumps(parameters).encode())


async def _query(parameters: bytes) -> str:
    try:
        output = Output()
    except OSError as error:
        raise CannotRun(sys.executable, error) from None
    try:
        child = _start(parameters, output)
        output.close_write_end()
        try:
            status = await child.wait()
        except BaseException:
            child.signal(signal.SIGKILL)
            await child.wait_at_most(KILL_TIMEOUT)
            raise
        return _verdict(output.kept(), status)
    finally:
        if output.kept().startswith(LOGGED_IN.encode()):
            set_progress("logged in, no answer to the query")
        output.close()


def _start(parameters: bytes, output: Output) -> Child:
    """Start the process; what the driver prints as an error is discarded, as the server may have written it."""
    try:
        with input_file(parameters) as stdin:
            return Child(COMMAND, environment(), stdin=stdin, stdout=output.write, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise CannotRun(sys.executable, error) from None


def _verdict(output: bytes, status: int) -> str:
    """Return the word that the process printed; raises CheckFailed for a reason, or an end without either."""
    verdict, _, word = output.decode("utf-8", "replace").rstrip("\n").rpartition("\n")[2].partition(" ")
    if verdict == UP:
        return word
    if verdict == REFUSED:
        raise BadStatus(word)
    if verdict == DOWN:
        raise CheckFailed(word)
    raise CheckFailed(f"the driver failed over the answer (status {status}, {progress()})")

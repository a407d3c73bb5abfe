from __future__ import annotations

import errno
import socket
import ssl

import pytest

from ldirectord_py.checks import progress
from ldirectord_py.checks.code_derivation import failure_code, success_code
from ldirectord_py.checks.codes import ReasonCode
from ldirectord_py.errors import (
    BadStatus,
    CannotRun,
    CheckFailed,
    DeadlinePassed,
    Inconclusive,
    InvalidCheck,
    TlsUnavailable,
)

TIMEOUT = DeadlinePassed("no answer within 3 s", compensated=False)
TALKING = "connected, no answer to EHLO"


@pytest.mark.parametrize(
    ("reached", "code"),
    [
        ("", "L7TOUT"),
        (progress.LOOKUP, "NAMEERR"),
        (progress.NOT_CONNECTED, "L4TOUT"),
        (f"{progress.NOT_CONNECTED} after a redirect", "L4TOUT"),
        (progress.NO_DATA_CONNECTION, "L4TOUT"),
        (progress.NO_ECHO, "L4TOUT"),
        (progress.NO_TLS, "L6TOUT"),
        (f"{progress.NO_HANDSHAKE} after a redirect", "L6TOUT"),
        (TALKING, "L7TOUT"),
        ("no datagram came back", "L7TOUT"),
        (progress.NO_COMMAND_START, "PROCTOUT"),
        (f'{progress.NO_COMMAND_END}: "waiting"', "PROCTOUT"),
    ],
)
def test_a_timeout_is_that_of_the_part_that_was_reached(reached: str, code: ReasonCode) -> None:
    assert failure_code(TIMEOUT, reached) == code


@pytest.mark.parametrize(
    ("error", "reached", "code"),
    [
        (CheckFailed("x"), TALKING, "L7RSP"),
        (CheckFailed("x"), "", "L7RSP"),
        (CheckFailed("x"), progress.NO_HANDSHAKE, "L6RSP"),
        (CheckFailed("x"), progress.NO_COMMAND_END, "PROCERR"),
        (KeyError("x"), TALKING, "L7RSP"),
        (BadStatus("x"), TALKING, "L7STS"),
        (TlsUnavailable("x"), TALKING, "L6RSP"),
        (InvalidCheck("x"), progress.NOT_CONNECTED, "CONFERR"),
        (Inconclusive("x"), progress.NOT_CONNECTED, "SOCKERR"),
        (CannotRun("perl", OSError(errno.ENOENT, "x")), TALKING, "PROCERR"),
        (Inconclusive("x"), progress.NO_COMMAND_START, "PROCERR"),
        (OSError(errno.EMFILE, "x"), TALKING, "SOCKERR"),
        (OSError(errno.EMFILE, "x"), progress.LOOKUP, "NAMEERR"),
        (MemoryError(), TALKING, "SOCKERR"),
        (socket.gaierror(socket.EAI_NONAME, "x"), progress.LOOKUP, "NAMEERR"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "", "NAMEERR"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), progress.NOT_CONNECTED, "L4CON"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "no datagram came back", "L4CON"),
        (ConnectionResetError(errno.ECONNRESET, "x"), progress.NOT_CONNECTED, "L4CON"),
        (ConnectionResetError(errno.ECONNRESET, "x"), progress.NO_HANDSHAKE, "L6RSP"),
        (ConnectionResetError(errno.ECONNRESET, "x"), TALKING, "L7RSP"),
        (TimeoutError(errno.ETIMEDOUT, "x"), progress.NOT_CONNECTED, "L4TOUT"),
        (TimeoutError(errno.ETIMEDOUT, "x"), TALKING, "L7TOUT"),
        (ssl.SSLError(1, "x"), progress.NO_TLS, "L6RSP"),
        (ssl.SSLError(1, "x"), TALKING, "L6RSP"),
    ],
)
def test_a_failure(error: Exception, reached: str, code: ReasonCode) -> None:
    assert failure_code(error, reached) == code


@pytest.mark.parametrize(
    ("reached", "code"),
    [
        (progress.CONNECTED, "L4OK"),
        (progress.NO_ECHO, "L4OK"),
        (progress.TLS_DONE, "L6OK"),
        (progress.NOT_CONNECTED, "L7OK"),
        (TALKING, "L7OK"),
        ("", "L7OK"),
        (progress.RESERVATION, "L7OKC"),
        (progress.NO_COMMAND_END, "PROCOK"),
        (progress.NOT_PROBED, "NOCHECK"),
    ],
)
def test_a_success(reached: str, code: ReasonCode) -> None:
    assert success_code(reached) == code

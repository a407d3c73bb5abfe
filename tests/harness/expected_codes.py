"""Which reason code belongs to which reason: held against each failure that a test provokes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from ldirectord_py.checks import probe as module
from ldirectord_py.checks.base import Result

# The first row whose pattern matches the beginning of the reason counts.
TABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"no answer within \S+ s \((not connected|connected, no connection for data|no echo reply)", ("L4TOUT",)),
    (r"no answer within \S+ s \((no TLS connection|connected, TLS handshake not done)", ("L6TOUT",)),
    (r"no answer within \S+ s \(the name lookup", ("NAMEERR",)),
    (r"no answer within \S+ s \(the command", ("PROCTOUT",)),
    (r"no answer within \S+ s", ("L7TOUT",)),
    (r".*, rejected by a firewall rule of this host$", ("SOCKERR",)),
    (
        r"connect not permitted by this host|this host |no local address|too many open files|invalid address",
        ("SOCKERR",),
    ),
    (r"(connect refused|no route to host|network unreachable|connect prohibited)( \(|$)", ("L4CON",)),
    (r"connect timed out$", ("L4TOUT",)),
    (r"name lookup failed: ", ("NAMEERR",)),
    (r"(exit status \d|killed by signal \d|cannot run |no more sockets can be watched)", ("PROCERR",)),
    (r"TLS: |certificate |the server offers no STARTTLS$|the server has no TLS, ", ("L6RSP",)),
    (r"reset by server$", ("L4CON", "L6RSP")),
    (r".*\(connected, TLS handshake not done", ("L6RSP",)),
    (
        r"(login|request|database) is not set$|request (is neither|asks for)|checkcommand: |a proxy is asked",
        ("CONFERR",),
    ),
    (r"RADIUS allows|Oracle's driver takes UTF-8", ("CONFERR",)),
    (r"the URL ", ("CONFERR", "L7RSP")),  # of a redirect, the latter
    (r"query failed: (Packet sequence number wrong|Lost connection)", ("L7RSP",)),  # the driver's words
    (r"login refused: |query failed: |status |listener refused: ", ("L7STS",)),
    (r"(bind|search|USER|PASS|PASV|EPSV|RETR|TYPE) refused: ", ("L7STS",)),
    (r"too many c|the database system|(unknown )?database |an error without words", ("L7STS",)),
    (r"\S{1,9}$", ("L7STS", "L7RSP")),  # what a fake server says, perhaps garbled
    (r"disconnected by server: |Access-|RADIUS code |[A-Z]+ for |RCODE \d+ for ", ("L7STS",)),
    (r'expected (\d( or \d)*|\d{3} or 4 or 5), got "[1-5]', ("L7STS",)),
    (r'expected (\+OK, got "-ERR|\* OK or \* PREAUTH, got "\* BYE)', ("L7STS",)),
    (r"", ("L7RSP",)),
)


def codes_for(reason: str) -> tuple[str, ...]:
    """Return the codes that a failure with this reason may have."""
    return next(codes for pattern, codes in TABLE if re.match(pattern, reason, re.IGNORECASE | re.DOTALL))


@contextmanager
def checked() -> Iterator[None]:
    """Assert the code of each failure until the end of the block."""
    failed = module._failed

    def wrapped(*arguments: object) -> Result | None:
        result = failed(*arguments)  # type: ignore[arg-type]
        if result is not None:
            assert result.code in codes_for(result.reason), f"{result.code} for: {result.reason}"
        return result

    with mock.patch.object(module, "_failed", wrapped):
        yield

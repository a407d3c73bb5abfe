"""The reason codes of results, a closed vocabulary; named as HAProxy's ``check_status`` where it has the same."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class ReasonCode(StrEnum):
    """Why a probe had its verdict. The digit is the layer: 4 TCP, UDP and ICMP, 6 TLS, 7 the service itself."""

    meaning: str
    """What the code says, in one sentence."""

    def __new__(cls, code: str, meaning: str = "") -> Self:
        """Create a member whose value is ``code``."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    L4OK = "L4OK", "The server accepts connections, or answers a ping."
    L4TOUT = "L4TOUT", "No connection within the timeout, or no echo reply."
    L4CON = "L4CON", "The connection is refused, or the network reports that the server cannot be reached."
    L6OK = "L6OK", "The TLS handshake is complete, and nothing more was asked."
    L6TOUT = "L6TOUT", "The server accepts the connection, but the TLS handshake is not complete within the timeout."
    L6RSP = "L6RSP", "The TLS handshake fails, the certificate is refused, or there is no TLS."
    L7OK = "L7OK", "The service answers as it should."
    L7OKC = "L7OKC", "The service answers as it should, but with a reservation, which the reason names."
    L7TOUT = "L7TOUT", "No complete answer within the timeout, over a connection that the server accepts or over UDP."
    L7RSP = "L7RSP", "The answer is malformed, incomplete or too long, or does not match what is expected."
    L7STS = "L7STS", "The service answers in its protocol, with an error, a refusal or a status that is not expected."
    PROCOK = "PROCOK", "The command of an external check ends with exit status 0."
    PROCERR = "PROCERR", "The command ends with another exit status or by a signal, or cannot be started."
    PROCTOUT = "PROCTOUT", "The command has not ended within the timeout."
    SOCKERR = "SOCKERR", "This host cannot probe: it has no descriptor, memory, route, address or permission for it."
    NAMEERR = "NAMEERR", "The lookup of a host name fails."
    CONFERR = "CONFERR", "The directives of the check make no valid request."
    DOUBT = "DOUBT", "The probes failed while this host stood still, so they say nothing about the server."
    MAINT = "MAINT", "Maintenance of the server begins or ends."
    NOCHECK = "NOCHECK", "Nothing is probed."

"""Answers of DNS, SIP and RADIUS servers, made without our own encoders."""

from __future__ import annotations

import hashlib
import struct

import dns.message
import dns.rcode
import dns.rrset


def dns_answer(data: bytes, *records: str, rcode: int = 0, flags: int = 0) -> bytes:
    """Return the answer to a query; each record is a type and its text."""
    query = dns.message.from_wire(data)
    response = dns.message.make_response(query)
    response.flags |= flags
    response.set_rcode(dns.rcode.Rcode(rcode))
    for kind, text in (record.split(" ", 1) for record in records):
        response.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", kind, text))
    return response.to_wire()


def sip_answer(request: bytes, status: str = "200 OK") -> bytes:
    """Return an answer that repeats the headers that answers have to repeat."""
    repeated = [
        line for line in request.split(b"\r\n") if line.startswith((b"Via", b"To", b"From", b"Call-ID", b"CSeq"))
    ]
    return b"\r\n".join([f"SIP/2.0 {status}".encode(), *repeated, b"Content-Length: 0", b"", b""])


def radius_answer(request: bytes, code: int, attributes: bytes, secret: bytes) -> bytes:
    """Return an answer without a Message-Authenticator."""
    head = struct.pack("!BBH", code, request[1], 20 + len(attributes))
    digest = hashlib.md5(head + request[4:20] + attributes + secret, usedforsecurity=False).digest()
    return head + digest + attributes

from __future__ import annotations

import ssl
from typing import Any

import pytest

from ldirectord_py.checks.transport.certificates import Certificate, refusal

GOOD: Certificate = {"notBefore": "Jan  1 00:00:00 2020 GMT", "notAfter": "Jan  1 00:00:00 2120 GMT"}
EXPIRED = {**GOOD, "notAfter": "Jan  3 04:05:06 2026 GMT"}
EARLY = {**GOOD, "notBefore": "Feb  3 00:00:00 2119 GMT"}
NAMED = {"subject": ((("organizationName", "ACME"),), (("commonName", "cn.example"),))}


def alternatives(*names: str) -> Certificate:
    return {**NAMED, "subjectAltName": tuple(("DNS", name) for name in names)}


@pytest.mark.parametrize(
    ("code", "chain", "expected"),
    [
        (10, [EXPIRED, GOOD], "certificate expired 2026-01-03"),
        (10, [GOOD, EXPIRED], "certificate of the issuer expired 2026-01-03"),
        (10, [GOOD], "certificate of the issuer is out of its time"),
        (9, [EARLY], "certificate not valid before 2119-02-03"),
        (18, [GOOD], "certificate is self-signed"),
        (19, [GOOD, GOOD], "certificate of an unknown issuer"),
        (20, [GOOD], "certificate of an unknown issuer"),
        (21, [], "certificate of an unknown issuer"),
        (62, [alternatives("other.example")], "certificate is for other.example, not www.example"),
        (62, [alternatives("a", "b", "c")], "certificate is for a, b, c, not www.example"),
        (62, [alternatives("a", "b", "c", "d")], "certificate is for a, b, c, ..., not www.example"),
        (62, [alternatives("a\r\n" + "b" * 99)], f"certificate is for a\\r\\n{'b' * 77}, not www.example"),
        (64, [{"subjectAltName": (("IP Address", "::1"),)}], "certificate is for ::1, not www.example"),
        (62, [NAMED], "certificate is for cn.example, not www.example"),
        (62, [GOOD], "certificate is for another name, not www.example"),
        (62, [], "certificate is for another name, not www.example"),
        (26, [GOOD], "certificate refused: unsuitable certificate purpose"),
    ],
)
def test_a_refusal_names_the_certificate(code: int, chain: list[dict[str, Any]], expected: str) -> None:
    error = ssl.SSLCertVerificationError(1, "refused")
    error.verify_code, error.verify_message = code, "unsuitable certificate purpose"
    assert expected == refusal(error, chain, "www.example")

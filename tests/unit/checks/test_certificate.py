"""The end of a certificate, read from its DER."""

from __future__ import annotations

import ssl
import time
import timeit
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.checks.certificate import LATEST, expiry
from ldirectord_py.checks.protocols.ber import encode

PEM = (Path(__file__).parent / "transport" / "mail.example.com.pem").read_text()
DER = ssl.PEM_cert_to_DER_cert(
    PEM[PEM.index("-----BEGIN CERT") : PEM.index("-----END CERT")] + "-----END CERTIFICATE-----"
)
UTC_TIME, TIME = 0x17, 0x18


def certificate(tag: int, end: bytes, *, version: bool = True) -> bytes:
    """Return the beginning of a certificate that ends then; the rest of it is nonsense."""
    validity = encode(0x30, encode(UTC_TIME, b"200101000000Z"), encode(tag, end))
    head = [encode(0xA0, b"\x02\x01\x02")] if version else []
    issuer = encode(0x30, b"x" * 300)
    return encode(0x30, encode(0x30, *head, encode(0x02, b"\x01"), encode(0x30), issuer, validity), b"nonsense")


def test_it_is_what_openssl_says(tmp_path: Path) -> None:
    (tmp_path / "pem").write_text(PEM)
    decoded = ssl._ssl._test_decode_cert(str(tmp_path / "pem"))  # type: ignore[attr-defined]
    assert expiry(DER) == ssl.cert_time_to_seconds(decoded["notAfter"])


@pytest.mark.parametrize("version", [True, False])
@pytest.mark.parametrize(
    ("tag", "end", "expected"),
    [
        (UTC_TIME, b"261128080938Z", datetime(2026, 11, 28, 8, 9, 38, tzinfo=UTC)),
        (UTC_TIME, b"491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (UTC_TIME, b"700101000001Z", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
        (UTC_TIME, b"500101000000Z", datetime(1970, 1, 1, tzinfo=UTC)),
        (TIME, b"20501231235959Z", datetime(2050, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (TIME, b"99991231235959Z", datetime.fromtimestamp(LATEST, UTC)),
    ],
)
def test_both_forms_of_a_time(tag: int, end: bytes, expected: datetime, version: bool) -> None:
    assert expiry(certificate(tag, end, version=version)) == expected.timestamp()


@pytest.mark.parametrize(
    "der",
    [
        *(b"", b"0", b"0\x80", b"nonsense", DER[:40], DER[1:], b"\x30\x84\xff\xff\xff\xff" + DER[4:]),
        certificate(UTC_TIME, b"261328080938Z"),
        certificate(UTC_TIME, b"261128080938+0100"),
        certificate(UTC_TIME, b"2611280809Z"),
        certificate(TIME, b"00000101000000Z"),
        certificate(TIME, b"\xff" * 15),
        certificate(0x04, b"261128080938Z"),
    ],
)
def test_nothing_is_said_of_what_is_none(der: bytes) -> None:
    assert expiry(der) is None


def test_a_date_that_everybody_can_write() -> None:
    assert datetime.fromtimestamp(LATEST, UTC).astimezone().year == 9999


@given(st.binary(max_size=60), st.integers(0, len(DER)), st.integers(0, 60))
def test_no_bytes_raise(noise: bytes, place: int, length: int) -> None:
    found = expiry.__wrapped__(DER[:place] + noise + DER[place + length :])
    assert found is None or 0 <= found <= LATEST


@pytest.mark.slow
def test_a_certificate_that_is_known_costs_little() -> None:
    expiry(DER)
    first = min(timeit.repeat(lambda: expiry.__wrapped__(DER), timer=time.thread_time, number=1000)) * 1000
    unhashed = min(timeit.repeat(lambda: expiry(bytes(bytearray(DER))), timer=time.thread_time, number=1000)) * 1000
    print(f"{first:.2f} us, then {unhashed:.2f} us for {len(DER)} bytes")
    assert unhashed < 10

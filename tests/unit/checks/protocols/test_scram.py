from __future__ import annotations

from base64 import b64decode

import pytest

from harness.fakes.mutants import mutants
from ldirectord_py.checks.protocols import scram
from ldirectord_py.errors import CheckFailed

# RFC 7677, section 3, but for the name, which we leave to the startup message.
NONCE = b"rOprNGfwEbeRWgbNEkqO"
THEIRS = b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = b"W22ZaJ0SNY7soEsUEjb6gQ=="
FIRST = b"n=user,r=" + NONCE
ASKED = b"r=" + NONCE + THEIRS + b",s=" + SALT + b",i=4096"


def test_the_exchange_of_the_rfc() -> None:
    asked = scram.parse_challenge(ASKED, NONCE)
    assert asked == scram.Challenge(NONCE + THEIRS, b64decode(SALT), 4096, ASKED)
    proof = asked.answer("pencil", FIRST)
    expected = b"c=biws,r=" + NONCE + THEIRS + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert (expected, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") == (proof.message, proof.expected)


def test_the_first_message_names_nobody() -> None:
    assert scram.first_message(b"abc") == b"n=,r=abc"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", 'expected a challenge for SCRAM, got ""'),
        (ASKED.replace(b"rOpr", b"xOpr"), "expected a challenge for SCRAM"),
        (b"r=" + NONCE + b",s=" + SALT + b",i=4096", "expected a challenge for SCRAM"),
        (ASKED.replace(b"==", b"="), "expected a challenge for SCRAM"),
        (ASKED.replace(b"4096", b"0"), "expected a challenge for SCRAM"),
        (ASKED.replace(b"4096", b"-1"), "expected a challenge for SCRAM"),
        (ASKED.replace(b"4096", b"2147483647"), "the server asks for 2147483647 iterations, more than 1000000"),
        (ASKED.replace(b"4096", b"9" * 100), "expected a challenge for SCRAM"),
    ],
)
def test_an_invalid_or_too_expensive_challenge_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        scram.parse_challenge(data, NONCE)
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("pencil", "pencil"),
        ("p\u00e4ssword", "p\u00e4ssword"),
        ("pa\u0308ssword", "p\u00e4ssword"),
        ("I\u00adX", "IX"),
        ("a\u00a0b", "a b"),
        ("\u2168", "IX"),
        ("\u0627b", "\u0627b"),
        ("\u06271\u0628", "\u06271\u0628"),
        ("\u00ad", "\u00ad"),
        ("\u00e4\x07", "\u00e4\x07"),
    ],
)
def test_a_password_is_prepared_where_that_is_allowed(password: str, expected: str) -> None:
    assert expected.encode() == scram.saslprep(password)


def test_a_password_of_bytes_that_are_no_text_stays_as_it_is() -> None:
    assert scram.saslprep(b"\xe4".decode("utf-8", "surrogateescape")) == b"\xe4"


@pytest.mark.slow
def test_any_challenge_is_read_or_refused() -> None:
    for data in mutants([ASKED, ASKED + b",x=y"], 20_000):
        try:
            asked = scram.parse_challenge(data, NONCE)
        except CheckFailed as error:
            reason = str(error)
        else:
            reason = ""
            assert 0 < asked.iterations <= scram.MAX_ITERATIONS
            assert asked.nonce.startswith(NONCE)
        assert reason.isprintable()

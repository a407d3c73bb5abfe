"""SCRAM-SHA-256 (RFC 7677) for a client, without I/O and without channel binding."""

from __future__ import annotations

import hashlib
import hmac
import re
import stringprep
import unicodedata
from base64 import b64decode, b64encode
from typing import NamedTuple

from ldirectord_py.checks.reasons import excerpt
from ldirectord_py.errors import CheckFailed
from ldirectord_py.runtime.text import as_bytes

MECHANISM = b"SCRAM-SHA-256"

MAX_ITERATIONS = 1_000_000
"""Iterations of the key derivation, which take 0.25 s; PostgreSQL's default is 4096."""

_CHALLENGE = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9/+]+={0,2}),i=([1-9][0-9]{0,9})(?:,.*)?", re.DOTALL)
_PROHIBITED = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    *(stringprep.in_table_c3, stringprep.in_table_c4, stringprep.in_table_c5, stringprep.in_table_c6),
    *(stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9),
)


class Proof(NamedTuple):
    """The last message of the client, and the answer of a server that also knows the password."""

    message: bytes
    expected: bytes


class Challenge(NamedTuple):
    """The first message of the server: its nonce, and the parameters of the key derivation."""

    nonce: bytes
    salt: bytes
    iterations: int
    raw: bytes

    def answer(self, password: str, first: bytes) -> Proof:
        """Return the proof; takes 0.25 us for each iteration, without the interpreter's lock."""
        salted = hashlib.pbkdf2_hmac("sha256", saslprep(password), self.salt, self.iterations)
        bare = b"c=biws,r=" + self.nonce
        signed = b",".join((first, self.raw, bare))
        key = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        expected = b"v=" + b64encode(_hmac(_hmac(salted, b"Server Key"), signed))
        return Proof(bare + b",p=" + b64encode(proof), expected)


def first_message(nonce: bytes) -> bytes:
    """Return the client's first message without its header; the name is empty, because PostgreSQL has it already."""
    return b"n=,r=" + nonce


def parse_challenge(data: bytes, nonce: bytes) -> Challenge:
    """Decode the first message of the server; raises CheckFailed if it is invalid or has too many iterations."""
    found = _CHALLENGE.fullmatch(data)
    if not found or not found[1].startswith(nonce) or len(found[1]) == len(nonce) or len(found[2]) % 4:
        raise CheckFailed(f"expected a challenge for SCRAM, got {excerpt(data)}")
    iterations = int(found[3])
    if iterations > MAX_ITERATIONS:
        raise CheckFailed(f"the server asks for {iterations} iterations, more than {MAX_ITERATIONS}")
    return Challenge(found[1], b64decode(found[2]), iterations, data)


def saslprep(password: str) -> bytes:
    """Return the password after SASLprep, or unchanged if SASLprep does not allow it, as PostgreSQL does."""
    raw = as_bytes(password)
    if password.isascii():
        return raw
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in password if not stringprep.in_table_b1(char)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    if (
        not normal
        or any(prohibited(char) for char in normal for prohibited in _PROHIBITED)
        or _mixes_directions(normal)
    ):
        return raw
    return normal.encode()


def _mixes_directions(text: str) -> bool:
    """Whether the text mixes directions in a way that SASLprep does not allow."""
    rightward = [stringprep.in_table_d1(char) for char in text]
    return any(rightward) and not (
        rightward[0] and rightward[-1] and not any(stringprep.in_table_d2(char) for char in text)
    )


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")

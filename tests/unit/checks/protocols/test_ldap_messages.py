from __future__ import annotations

import pytest

from harness.fakes.ldap import BIND, DONE, ENTRY, REFERENCE, element, entry, message, result
from harness.fakes.mutants import mutants
from ldirectord_py.checks.protocols import ber
from ldirectord_py.checks.protocols import ldap_messages as ldap
from ldirectord_py.checks.protocols.ldap_messages import MAX_TEXT, MAX_VALUES, Message, Outcome

RUNS = 30_000
"""Mutated answers that the decoder is given."""


def decoded(data: bytes) -> Message:
    return ldap.message(memoryview(data))


def test_a_bind_has_the_version_the_name_and_the_password() -> None:
    expected = "30 11 02 01 01 60 0c 02 01 03 04 03 6a 6f 65 80 02 70 77"
    assert bytes.fromhex(expected) == ldap.bind(1, "joe", "pw")
    assert bytes.fromhex("30 0c 02 01 01 60 07 02 01 03 04 00 80 00") == ldap.bind(1, "", "")


def test_a_search_asks_for_the_base_itself_whatever_its_class() -> None:
    expected = (
        "30 2e 02 01 02 63 29 04 04 64 63 3d 61 0a 01 00 0a 01 02 02 01 00 02 01 05 01 01 00"
        "87 0b 6f 62 6a 65 63 74 43 6c 61 73 73 30 05 04 03 31 2e 31"
    )
    assert bytes.fromhex(expected) == ldap.search(2, "dc=a", ldap.NO_ATTRIBUTES, 5)


def test_an_unbind_is_empty() -> None:
    assert bytes.fromhex("30 05 02 01 03 42 00") == ldap.unbind(3)


def test_the_size_is_known_from_the_head() -> None:
    assert ldap.size(memoryview(b"")) is None
    assert ldap.size(memoryview(b"\x30\x84\x00")) is None
    assert ldap.size(memoryview(b"\x30\x84\x00\x01\x00\x00")) == 65542
    with pytest.raises(ber.Malformed, match="no message of LDAP"):
        ldap.size(memoryview(b"2"))


def test_an_outcome_has_its_code_in_words() -> None:
    refused = decoded(result(1, BIND, 49, b"wrong", b"ldap://b/"))
    assert (refused.number, refused.operation) == (1, BIND)
    expected = Outcome(49, b"wrong", b"ldap://b/")
    assert expected == ldap.outcome(refused.content)
    assert expected.name == "invalidCredentials"
    assert Outcome(118, b"", b"").name == "result code 118"


def test_an_entry_is_written_out_in_lines() -> None:
    content = decoded(entry(2, b"dc=a", o=(b"A", b"B"), empty=(), cn=(b"\xff",))).content
    name, attributes = ldap.entry(content)
    assert (name, ldap.attribute_lines(attributes)) == (b"dc=a", b"o: A\no: B\ncn: \xff\n")


def test_what_is_written_out_is_bounded() -> None:
    _, many = ldap.entry(decoded(entry(2, b"", a=(b"",) * 5000)).content)
    assert ldap.attribute_lines(many) == b"a: \n" * MAX_VALUES
    _, long = ldap.entry(decoded(entry(2, b"", **{"a" * 30_000: (b"",) * 50})).content)
    assert 0 < len(ldap.attribute_lines(long)) <= MAX_TEXT


def test_a_reference_names_servers() -> None:
    content = decoded(message(2, REFERENCE, element(0x04, b"ldap://b/"), element(0x04, b"ldap://c/"))).content
    assert ldap.first_uri(content) == b"ldap://b/"


# What a mutation of valid answers found, or might have.
NESTED = b"\x30\x84\x00\x00\xff\xf0" * 5000
FINDINGS = {
    "nothing": b"",
    "an empty message": b"\x30\x00",
    "a number alone": b"\x30\x03\x02\x01\x01",
    "no number": element(0x30, element(0x02), element(BIND)),
    "a long number": element(0x30, element(0x02, bytes(9)), element(BIND)),
    "a negative number": element(0x30, element(0x02, b"\xff"), element(BIND)),
    "another number": element(0x30, element(0x04, b"\x01"), element(BIND)),
    "a huge length": b"\x30\x84\xff\xff\xff\xff\x02\x01\x01",
    "an endless length": b"\x30\x80\x02\x01\x01\x61\x80\x00\x00\x00\x00",
    "a longer length than numbers have": b"\x30\xff" + b"\xff" * 127,
    "deep nesting": NESTED,
    "nesting in a result": message(1, BIND, NESTED),
    "nesting in an entry": message(2, ENTRY, element(0x04, b"a"), element(0x30, NESTED)),
    "a result without a code": message(1, BIND),
    "a result without words": message(1, BIND, element(0x0A, b"\x00")),
    "an empty referral": message(1, BIND, element(0x0A, b"\x0a"), element(4), element(4), element(0xA3)),
    "an entry without a name": message(2, ENTRY),
    "an entry without attributes": message(2, ENTRY, element(0x04, b"a")),
    "a malformed attribute": message(2, ENTRY, element(0x04, b"a"), element(0x30, element(0x04))),
    "a malformed value": message(
        2, ENTRY, element(4, b"a"), element(0x30, element(0x30, element(4), element(0x31, element(2))))
    ),
    "a reference to nothing": message(2, REFERENCE),
}


@pytest.mark.parametrize("data", FINDINGS.values(), ids=FINDINGS)
def test_findings_are_malformed(data: bytes) -> None:
    with pytest.raises(ber.Malformed) as caught:
        digest(data)
    assert str(caught.value).isprintable()


def digest(data: bytes) -> None:
    """Decode an answer as far as a check does."""
    ldap.size(memoryview(data))
    found = decoded(data)
    match found.operation:
        case 0x64:
            _, attributes = ldap.entry(found.content)
            assert len(ldap.attribute_lines(attributes)) <= MAX_TEXT
        case 0x73:
            ldap.first_uri(found.content)
        case _:
            assert ldap.outcome(found.content).name


VALID = (
    result(1, BIND),
    result(1, BIND, 49, b"no", b"ldap://b/"),
    entry(2, b"dc=a", o=(b"A", b"B"), cn=(b"C",)),
    message(2, REFERENCE, element(0x04, b"ldap://b/")),
    result(2, DONE),
    result(0, 0x78, 52, b"going"),
)


@pytest.mark.slow
def test_a_mutated_answer_is_read_or_malformed() -> None:
    read = 0
    for data in mutants(VALID, RUNS):
        try:
            digest(data)
        except ber.Malformed:
            continue
        read += 1
    assert 1000 < read < RUNS - 1000  # some of each, or the mutations are too wild or too tame

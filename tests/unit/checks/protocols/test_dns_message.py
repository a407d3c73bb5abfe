from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.txtbase
import dns.rrset
import pytest

from harness.fakes.mutants import mutants
from ldirectord_py.checks.protocols.dns_message import Query, parse_query
from ldirectord_py.checks.protocols.dns_records import RecordType
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import CheckFailed

WWW = Query("www.example.com", RecordType.A, 7)

RECORDS = [
    ("A", "192.0.2.1", b"192.0.2.1"),
    ("AAAA", "2001:db8:0::1", b"2001:db8::1"),
    ("NS", "ns.example.com.", b"ns.example.com"),
    ("CNAME", "a\\.b\\032.example.com.", b"a\\.b\\032.example.com"),
    ("PTR", ".", b"."),
    ("MX", "10 mail.example.com.", b"10 mail.example.com"),
    ("TXT", '"v=spf1 " "-all" "\\255"', b"v=spf1 -all\xff"),
    ("SRV", "0 5 5060 sip.example.com.", b"0 5 5060 sip.example.com"),
    (
        "SOA",
        "ns.example.com. admin.example.com. 2026010101 3600 900 604800 300",
        b"ns.example.com admin.example.com 2026010101 3600 900 604800 300",
    ),
]


def answer(asked: Query, *records: tuple[str, str], rcode: int = 0) -> bytes:
    """Return an answer as dnspython writes it."""
    message = dns.message.make_response(dns.message.from_wire(asked.encoded))
    message.set_rcode(dns.rcode.Rcode(rcode))
    for kind, text in records:
        message.answer.append(dns.rrset.from_text(f"{asked.name}.", 60, "IN", kind, text))
    return message.to_wire()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("", ". NS"),
        ("www.example.com", "www.example.com A"),
        ("www.example.com.", "www.example.com. A"),
        ("example.com mx", "example.com MX"),
        ("_sip._udp.example.com  SRV", "_sip._udp.example.com SRV"),
        ("192.0.2.1", "1.2.0.192.in-addr.arpa PTR"),
        ("2001:db8::1", f"1.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa PTR"),
        ("192.0.2.1 A", "192.0.2.1 A"),
    ],
)
def test_what_a_request_asks(request_: str, expected: str) -> None:
    asked = parse_query(request_)
    assert expected == str(asked)
    theirs = dns.message.from_wire(asked.encoded)
    assert theirs.id == asked.identity
    assert theirs.flags == dns.flags.RD
    [question] = theirs.question
    assert f"{question.name} {dns.rdatatype.to_text(question.rdtype)}" == str(asked).replace(
        f"{asked.name} ", f"{asked.name.rstrip('.')}. "
    )


def test_an_international_name_is_sent_in_ascii() -> None:
    assert b"\x0exn--bcher-kva9e\x07example\x00" not in parse_query("bücher.example").encoded
    assert b"\x0dxn--bcher-kva\x07example\x00" in parse_query("bücher.example").encoded


@pytest.mark.parametrize("request_", ["a..b", ".a", "x" * 64, ".".join(["x" * 63] * 4), "a\ud800", "\u2100" * 60])
def test_what_is_no_name(request_: str) -> None:
    with pytest.raises(CheckFailed, match="request asks for what is not a DNS name"):
        _ = parse_query(request_).encoded


@pytest.mark.parametrize("request_", ["example.com ANY", "example.com A IN", "a b c d"])
def test_what_is_no_question(request_: str) -> None:
    with pytest.raises(CheckFailed, match="request is neither NAME nor NAME TYPE, with one of A, NS, CNAME, "):
        parse_query(request_)


@pytest.mark.parametrize(("kind", "text", "expected"), RECORDS)
def test_records_as_text(kind: str, text: str, expected: bytes) -> None:
    assert WWW.decode(answer(WWW, (kind, text))).records == (expected,)


def test_all_records_of_an_answer_and_none_of_other_classes_and_types() -> None:
    data = answer(WWW, *((kind, text) for kind, text, _ in RECORDS))
    assert WWW.decode(data).records == tuple(expected for _, _, expected in RECORDS)
    strange = struct.pack("!BHHIH", 0, 1, 3, 0, 1) + b"x" + struct.pack("!BHHIH", 0, 999, 1, 0, 1) + b"y"
    assert WWW.decode(head(answers=2) + strange).records == ()


def test_codes() -> None:
    codes = [WWW.decode(answer(WWW, rcode=code)).code for code in (0, 1, 2, 3, 4, 5, 11)]
    assert codes == ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "RCODE 11"]


def test_an_error_may_come_without_the_question() -> None:
    assert WWW.decode(struct.pack("!6H", 7, 0x8005, 0, 0, 0, 0)).code == "REFUSED"
    with pytest.raises(UnrelatedAnswer):
        WWW.decode(struct.pack("!6H", 7, 0x8000, 0, 0, 0, 0))


def test_the_records_of_a_truncated_answer_are_not_read() -> None:
    reply = WWW.decode(head(flags=0x8380, answers=9) + b"\xff")
    assert (reply.truncated, reply.records) == (True, ())


def test_the_question_comes_back_in_any_case() -> None:
    assert WWW.decode(answer(WWW).replace(b"example", b"eXAMPLE")).code == "NOERROR"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too short for a DNS answer"),
        (WWW.encoded, "a DNS message that answers no query of ours"),
        (answer(Query("www.example.com", RecordType.A, 8)), "a DNS message that answers no query of ours"),
        (answer(Query("www.example.com", RecordType.AAAA, 7)), "a DNS answer to another question"),
        (answer(Query("www.example.org", RecordType.A, 7)), "a DNS answer to another question"),
        (struct.pack("!6H", 7, 0xA800, 1, 0, 0, 0), "a DNS message that answers no query of ours"),
        (struct.pack("!6H", 7, 0x8000, 2, 0, 0, 0) + WWW.encoded[12:] * 2, "a DNS answer to another question"),
    ],
)
def test_what_does_not_answer_us(data: bytes, why: str) -> None:
    with pytest.raises(UnrelatedAnswer) as caught:
        WWW.decode(data)
    assert why == str(caught.value)


def head(flags: int = 0x8180, answers: int = 1) -> bytes:
    return struct.pack("!6H", 7, flags, 1, answers, 0, 0) + WWW.encoded[12:]


def record(kind: RecordType, data: bytes, size: int | None = None) -> bytes:
    return b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data) if size is None else size) + data


MALFORMED = [
    b"",
    b"\xc0",
    b"\x3fx",
    record(RecordType.A, b"abc"),
    record(RecordType.A, b"abcd", 9),
    record(RecordType.AAAA, b"abcd"),
    record(RecordType.TXT, b"\x09x"),
    record(RecordType.NS, b"\xc0\x2d"),  # a pointer to itself
    record(RecordType.NS, b"\xc0\xff"),  # forward
    record(RecordType.NS, b"\x01a\xc0\x2d"),  # a loop
    record(RecordType.NS, b"\x80a\x00"),  # neither a label nor a pointer
    record(RecordType.NS, b"\x01a\x00x"),  # more than the name
    record(RecordType.NS, b"\x3f" * 64 * 4 + b"\x00"),  # too long
    record(RecordType.MX, b"\x00"),
    record(RecordType.SRV, b"\x00\x01\x02\x03\x04"),
    record(RecordType.SOA, b"\x00\x00" + b"x" * 19),
    record(RecordType.SOA, b""),
]


@pytest.mark.parametrize("data", MALFORMED)
def test_malformed_answers(data: bytes) -> None:
    with pytest.raises(CheckFailed, match=r'^malformed DNS answer: "'):
        WWW.decode(head() + data)


def test_a_malicious_answer_is_read_in_bounded_time() -> None:
    """Names of 126 labels, and pointers to pointers, 1500 times: seconds where nobody counts."""
    name = b"\x01a" * 126 + b"\x00"
    chain = b"".join(struct.pack("!H", 0xC000 | at) for at in (0x2D, *range(0x2D + len(name), 16000, 2)))
    hidden = b"\xc0\x0c" + struct.pack("!HHIH", 999, 1, 60, len(name) + len(chain)) + name + chain
    start = time.thread_time()
    records = record(RecordType.SOA, b"\xc0\x2d" * 2 + bytes(20)) * 1500
    assert len(WWW.decode(head(answers=1501) + hidden + records).records) == 127
    records = record(RecordType.SOA, b"\xfe\x00" * 2 + bytes(20)) * 1500
    with pytest.raises(CheckFailed):
        WWW.decode(head(answers=1501) + hidden + records)
    assert time.thread_time() - start < 1.0  # of the processor: a busy host does not count


VALID = answer(WWW, *((kind, text) for kind, text, _ in RECORDS))


@pytest.mark.slow
def test_a_reader_accepts_any_bytes() -> None:
    for data in (*mutants([VALID], 10_000), *mutants([VALID], 10_000, start=33)):
        assert outcome(data).isprintable()


def outcome(data: bytes) -> str:
    try:
        return WWW.decode(data).code
    except CheckFailed as error:
        return str(error)


@pytest.mark.slow
def test_dnspython_reads_the_same() -> None:
    agreed = 0
    for data in mutants([VALID], 2000, start=33):
        with suppress(dns.exception.DNSException):
            theirs = dns.message.from_wire(data, one_rr_per_rrset=True, ignore_trailing=True)
            assert tuple(written(theirs)) == WWW.decode(data).records
            agreed += 1
    assert agreed > 50


def written(message: dns.message.Message) -> Iterator[bytes]:
    """Yield the text of the records that we can read, as we write them."""
    for record in message.answer:
        if record.rdclass != dns.rdataclass.IN or record.rdtype not in {*RecordType}:
            continue
        for data in record:
            if record.rdtype == dns.rdatatype.TXT:
                yield b"".join(cast("dns.rdtypes.txtbase.TXTBase", data).strings)
            else:
                words = data.to_text().split(" ")
                yield " ".join(word if word == "." else word.removesuffix(".") for word in words).encode()

"""encode, byte by byte: each attribute of each message, its numbers and paddings."""

from __future__ import annotations

import struct
from dataclasses import replace
from ipaddress import ip_address

import pytest

from contract.fake_linux import attribute
from contract.kernel_cases import DNS6, MARK, MARK6, WEB, add, delete, edit, persistent, real, service
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink.encode import batch, encode_valid, request, service_key
from ldirectord_py.ipvs.table import (
    ForwardMethod,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    ServiceKey,
    Tunnel,
    VirtualAddress,
)

FAMILY, FIRST = 0x1E, 7
SERVICE, DESTINATION = 0x8001, 0x8002
EVERY_FLAG = b"\xff\xff\xff\xff"


def message(command: int, body: bytes, *, flags: int = 5, sequence: int = FIRST) -> bytes:
    """Return a message of version 1; 5 asks for an acknowledgement."""
    return struct.pack("=IHHIIBBH", 20 + len(body), FAMILY, flags, sequence, 0, command, 1, 0) + body


def joined(*attributes: tuple[int, bytes]) -> bytes:
    return b"".join(attribute(*each) for each in attributes)


WEB_KEY = joined((1, b"\2\0"), (2, b"\6\0"), (3, bytes([10, 0, 0, 1]) + bytes(12)), (4, b"\0\x50"))
DNS6_KEY = joined((1, b"\x0a\0"), (2, b"\x11\0"), (3, ip_address("2001:db8::1").packed), (4, b"\0\x35"))
KEYS: dict[ServiceKey, bytes] = {
    WEB: WEB_KEY,
    DNS6: DNS6_KEY,
    MARK: joined((1, b"\2\0"), (5, b"\7\0\0\0")),
    MARK6: joined((1, b"\x0a\0"), (5, b"\7\0\0\0")),
    VirtualAddress(Protocol.SCTP, ip_address("10.0.0.1"), 0x1234): (
        joined((1, b"\2\0"), (2, b"\x84\0"), (3, bytes([10, 0, 0, 1]) + bytes(12)), (4, b"\x12\x34"))
    ),
}


def values(scheduler: bytes, *, flags: int = 0, timeout: int = 0, mask: bytes) -> bytes:
    numbers = struct.pack("=I", flags) + EVERY_FLAG
    return joined((6, scheduler), (7, numbers), (8, struct.pack("=I", timeout)), (9, mask))


@pytest.mark.parametrize(
    ("row", "body"),
    [
        (service(), WEB_KEY + values(b"wrr\0", mask=b"\xff\xff\xff\xff")),
        (service(scheduler="rr"), WEB_KEY + values(b"rr\0", mask=b"\xff\xff\xff\xff")),
        (
            persistent(service(scheduler="wlc1", flags=ServiceFlag.SCHED_2), "sip", 0xFFFFFF00),
            WEB_KEY + values(b"wlc1\0", flags=0x11, timeout=300, mask=b"\xff\xff\xff\0") + attribute(11, b"sip\0"),
        ),
        (service(DNS6), DNS6_KEY + values(b"wrr\0", mask=b"\x80\0\0\0")),
        (replace(service(MARK6), mask=64), KEYS[MARK6] + values(b"wrr\0", mask=b"\x40\0\0\0")),
        (service(MARK), KEYS[MARK] + values(b"wrr\0", mask=b"\xff\xff\xff\xff")),
    ],
)
@pytest.mark.parametrize(("verb", "command"), [(Verb.ADD, 1), (Verb.EDIT, 2)])
def test_a_service_is_written_whole(row: Service, body: bytes, verb: Verb, command: int) -> None:
    assert batch([Op(verb, row)], FAMILY, FIRST) == message(command, attribute(SERVICE, body))


@pytest.mark.parametrize("key", KEYS)
def test_of_a_service_that_is_deleted_there_is_the_key_alone(key: ServiceKey) -> None:
    assert batch(delete(service(key)), FAMILY, FIRST) == message(3, attribute(SERVICE, KEYS[key]))


GATE = real("10.1.0.2", 65535, port=0x1F90, forward=ForwardMethod.ROUTE)._replace(upper=100, lower=50)
GATE_KEY = joined((1, bytes([10, 1, 0, 2]) + bytes(12)), (2, b"\x1f\x90"), (11, b"\2\0"))
GATE_VALUES = joined((3, b"\3\0\0\0"), (4, b"\xff\xff\0\0"), (5, b"\x64\0\0\0"), (6, b"\x32\0\0\0"))
SIX = real("2001:db8::10", 3, of=DNS6, port=53, forward=ForwardMethod.TUNNEL)._replace(tunnel=Tunnel(1, 6080, 0x102))
SIX_KEY = joined((1, ip_address("2001:db8::10").packed), (2, b"\0\x35"), (11, b"\x0a\0"))
SIX_VALUES = joined((3, b"\2\0\0\0"), (4, b"\3\0\0\0"), (5, bytes(4)), (6, bytes(4))) + joined(
    (13, b"\1"), (14, b"\x17\xc0"), (15, b"\2\1")
)


@pytest.mark.parametrize(
    ("verb", "row", "command", "body"),
    [
        (Verb.ADD, GATE, 5, attribute(SERVICE, WEB_KEY) + attribute(DESTINATION, GATE_KEY + GATE_VALUES)),
        (Verb.EDIT, GATE, 6, attribute(SERVICE, WEB_KEY) + attribute(DESTINATION, GATE_KEY + GATE_VALUES)),
        (Verb.DELETE, GATE, 7, attribute(SERVICE, WEB_KEY) + attribute(DESTINATION, GATE_KEY)),
        (Verb.ADD, SIX, 5, attribute(SERVICE, DNS6_KEY) + attribute(DESTINATION, SIX_KEY + SIX_VALUES)),
        (Verb.DELETE, SIX, 7, attribute(SERVICE, DNS6_KEY) + attribute(DESTINATION, SIX_KEY)),
    ],
)
def test_a_destination_is_written_with_the_key_of_its_service(verb: Verb, row: Row, command: int, body: bytes) -> None:
    assert batch([Op(verb, row)], FAMILY, FIRST) == message(command, body)


def test_a_request_has_its_payload_and_flags() -> None:
    assert request(FAMILY, 9, 4) == message(4, b"", flags=1, sequence=9)
    assert request(FAMILY, 9, 8, b"abcd", 0x300) == message(8, b"abcd", flags=0x301, sequence=9)


@pytest.mark.parametrize("first", [1, 0xFF, 0xFFFF, 0xFFFFFE, 0x12345678])
def test_messages_are_numbered_in_order_and_only_the_last_is_acknowledged(first: int) -> None:
    rows: list[Row] = [
        *(service(), real("10.1.0.1"), real("10.1.0.2"), real("10.1.0.3"), service(scheduler="wlc1")),
    ]
    ops = add(*rows) + delete(*rows[1:3]) + edit(rows[3])
    alone = [batch([op], FAMILY, first + at) for at, op in enumerate(ops)]
    assert batch(ops, FAMILY, first) == b"".join(each[:6] + b"\1" + each[7:] for each in alone[:-1]) + alone[-1]


def test_encoded_rows_are_taken_as_they_are_except_for_deletions() -> None:
    row, other = real("10.1.0.1"), real("10.1.0.2")
    payload = batch(add(other), FAMILY, FIRST)[20:]
    encoded: dict[Row, bytes] = {row: b"row of ours " + payload[12:]}
    assert batch(add(row), FAMILY, FIRST, encoded) == message(5, encoded[row])
    assert batch(edit(row), FAMILY, FIRST, encoded) == message(6, encoded[row])
    assert batch(delete(row), FAMILY, FIRST, encoded) == batch(delete(row), FAMILY, FIRST)
    assert batch(add(other), FAMILY, FIRST, encoded) == message(5, payload)


def test_rows_that_the_kernel_may_not_see_are_not_encoded() -> None:
    rows: list[Row] = [service(), real("10.1.0.1", -1), real("10.1.0.2")]
    found = encode_valid(rows)
    assert found == {row: batch(add(row), FAMILY, FIRST)[20:] for row in (rows[0], rows[2])}


def test_the_key_of_a_service_asks_for_its_destinations() -> None:
    assert {key: service_key(key) for key in KEYS} == {key: attribute(SERVICE, body) for key, body in KEYS.items()}

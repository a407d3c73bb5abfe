"""decode, byte by byte: paddings, ends, errors, and attributes that are missing, short or long."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from contract.fake_linux import attribute
from contract.kernel_cases import DNS6, WEB
from ldirectord_py.errors import NoTableError
from ldirectord_py.ipvs.netlink import decode
from ldirectord_py.ipvs.netlink.decode import BrokenDumpError, MalformedAnswerError, NetlinkMessage
from ldirectord_py.ipvs.netlink.uapi import NLM_F_DUMP_INTR, NLM_F_MULTI, NLMSG_DONE, NLMSG_ERROR
from ldirectord_py.ipvs.table import (
    IPIP,
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Service,
    ServiceFlag,
    ServiceKey,
    Tunnel,
    VirtualAddress,
)
from unit.ipvs.netlink.test_decode import SEQUENCE, service_message


def header(length: int, kind: int = 20, flags: int = NLM_F_MULTI, sequence: int = SEQUENCE) -> bytes:
    return struct.pack("=IHHII", length, kind, flags, sequence, 0)


def destination_message(*attributes: bytes) -> NetlinkMessage:
    inner = b"".join(attributes)
    return NetlinkMessage(0, 0, 0, memoryview(bytes(4) + attribute(2, inner)))


def test_messages_are_padded_to_four_bytes_and_may_be_empty() -> None:
    chunk = header(17) + b"a\0\0\0" + header(20, 21, 0, 6) + b"bcde" + header(16, 22, 0, 7)
    found = [(each.kind, each.flags, each.sequence, bytes(each.body)) for each in decode.messages(chunk)]
    assert found == [(20, 2, 5, b"a"), (21, 0, 6, b"bcde"), (22, 0, 7, b"")]


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        (header(16) + bytes(15), "the kernel's answer ends inside a header"),
        (header(15) + bytes(8), "the kernel's answer holds a message of 15 bytes that does not fit in it"),
        (header(17), "the kernel's answer holds a message of 17 bytes that does not fit in it"),
        (header(16) + header(17), "the kernel's answer holds a message of 17 bytes that does not fit in it"),
    ],
)
def test_a_chunk_that_is_cut_is_malformed(chunk: bytes, reason: str) -> None:
    with pytest.raises(MalformedAnswerError, match=f"^{reason}$"):
        list(decode.messages(chunk))


def test_the_number_of_an_error_is_its_first_four_bytes() -> None:
    number = struct.pack("=i", -16)
    assert [NetlinkMessage(0, 0, 0, memoryview(body)).errno for body in (number[:3], number, number + b"abcd")] == [
        *(0, 16, 16),
    ]


def test_rows_count_after_messages_of_another_dump_and_until_the_end() -> None:
    chunk = header(16, sequence=SEQUENCE + 1) + header(16, 21) + header(20, NLMSG_DONE) + bytes(4) + header(16, 22)
    found, done = decode.dumped(chunk, SEQUENCE)
    assert ([each.kind for each in found], done) == ([21], True)


def test_an_interrupted_dump_is_broken() -> None:
    with pytest.raises(BrokenDumpError, match=r"^the kernel's dump was interrupted$"):
        decode.dumped(header(16, flags=NLM_F_MULTI | NLM_F_DUMP_INTR), SEQUENCE)


@pytest.mark.parametrize(
    ("number", "error", "reason"),
    [
        (1, NoTableError, decode.UNPRIVILEGED),
        (16, BrokenDumpError, "the kernel answered EBUSY"),
        (9999, BrokenDumpError, "the kernel answered 9999"),
    ],
)
@pytest.mark.parametrize("kind", [NLMSG_ERROR, NLMSG_DONE])
def test_a_dump_that_the_kernel_ends_says_why(kind: int, number: int, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=f"^{reason}$"):
        decode.dumped(header(20, kind) + struct.pack("=i", -number), SEQUENCE)


def test_attributes_are_padded_and_the_last_one_of_a_type_counts() -> None:
    body = attribute(1, b"a") + attribute(2, b"bcde") + attribute(1, b"fg") + attribute(0x8003, b"") + b"\0\0\0"
    assert {kind: bytes(value) for kind, value in decode.attributes(memoryview(body)).items()} == {
        1: b"fg",
        2: b"bcde",
        3: b"",
    }


@pytest.mark.parametrize(("body", "length"), [(b"\3\0\1\0", 3), (b"\5\0\1\0", 5), (attribute(2, b"") + b"\5\0\1\0", 5)])
def test_an_attribute_that_does_not_fit_is_malformed(body: bytes, length: int) -> None:
    reason = f"^the kernel's answer holds an attribute of {length} bytes that does not fit$"
    with pytest.raises(MalformedAnswerError, match=reason):
        decode.attributes(memoryview(body))


def controller_answer(*attributes: bytes) -> NetlinkMessage:
    return NetlinkMessage(0, 0, 0, memoryview(bytes(4) + b"".join(attributes)))


def test_the_id_of_a_family_is_that_of_its_attribute() -> None:
    assert decode.family_id(controller_answer(attribute(2, b"IPVS\0"), attribute(1, b"\x1e\1"))) == 0x11E
    assert decode.family_id(controller_answer(attribute(1, b"\x1e\1\2"))) == 0x11E
    for answer in (controller_answer(), controller_answer(attribute(1, b"\0\0"))):
        with pytest.raises(MalformedAnswerError, match=r"^the kernel's answer holds no family id$"):
            decode.family_id(answer)
    reason = r"^the kernel's answer holds an attribute 1 of 1 bytes, not 2$"
    with pytest.raises(MalformedAnswerError, match=reason):
        decode.family_id(controller_answer(attribute(1, b"\1")))


V4, V6 = (1, b"\2\0"), (1, b"\x0a\0")


def test_a_service_without_most_attributes_has_their_defaults() -> None:
    address = (3, bytes([10, 0, 0, 1]) + bytes(12))
    assert decode.service(service_message(V4, (2, b"\6\0"), address)) == Service(
        VirtualAddress(Protocol.TCP, ip_address("10.0.0.1"), 0), "", mask=0
    )
    assert decode.service(NetlinkMessage(0, 0, 0, memoryview(bytes(4)))) is None
    assert decode.service(service_message((1, b"\1\0"), (5, b"\1\0\0\0"))) is None


def test_a_service_has_the_mask_of_its_family_and_a_readable_scheduler() -> None:
    values = (6, b"w\xffr\0rr"), (9, bytes([255, 255, 0, 0, 9])), (8, b"\x2c\1\0\0"), (7, b"\xff\0\0\0\1\0\0\0")
    row = decode.service(service_message(V4, (5, b"\7\0\0\0"), *values))
    settable = ServiceFlag(sum(ServiceFlag))
    assert row == Service(FirewallMark(7), "w\ufffdr", settable, 300, 0xFFFF0000)
    assert decode.service(service_message(V6, (5, b"\7\0\0\0"), (9, b"\x40\0\0\0"))) == Service(
        FirewallMark(7, ipv6=True), "", mask=64
    )


@pytest.mark.parametrize(("owner", "packed_address"), [(WEB, bytes([10, 1, 0, 1])), (DNS6, bytes(15) + b"\1")])
def test_a_destination_without_a_family_has_that_of_its_service(owner: ServiceKey, packed_address: bytes) -> None:
    row = decode.destination(destination_message(attribute(1, packed_address)), owner)
    assert row == Destination(DestinationKey(owner, ip_address(packed_address), 0), ForwardMethod.MASQUERADE, 0)


@pytest.mark.parametrize(("family", "address"), [(2, bytes(3)), (2, b""), (10, bytes(15)), (7, bytes(16))])
def test_an_address_is_that_of_a_family_and_whole(family: int, address: bytes) -> None:
    reason = f"^the kernel's answer holds an address of family {family} in {len(address)} bytes$"
    with pytest.raises(MalformedAnswerError, match=reason):
        decode.destination(destination_message(attribute(1, address), attribute(11, bytes([family, 0]))), WEB)


def test_a_message_without_a_destination_has_none_and_its_numbers_are_0() -> None:
    message = NetlinkMessage(0, 0, 0, memoryview(bytes(4)))
    assert decode.destination(message, WEB) is None
    assert decode.destination_numbers(message, (4, 7)) == [0, 0]
    assert decode.destination_numbers(destination_message(attribute(7, b"\1\2\3\4\5")), (4, 7)) == [0, 0x04030201]


@pytest.mark.parametrize(
    ("attributes", "tunnel"),
    [
        ((), IPIP),
        ((attribute(13, b"\1"),), Tunnel(1)),
        ((attribute(13, b"\1\7"), attribute(14, b"\x17\xc0"), attribute(15, b"\2\1\7")), Tunnel(1, 6080, 0x102)),
    ],
)
def test_a_tunnel_is_ipip_where_the_kernel_says_nothing_of_it(attributes: tuple[bytes, ...], tunnel: Tunnel) -> None:
    row = decode.destination(destination_message(attribute(1, bytes([10, 1, 0, 1])), *attributes), WEB)
    assert row is not None
    assert row.tunnel == tunnel


def test_a_destination_without_an_address_is_malformed() -> None:
    with pytest.raises(MalformedAnswerError, match=r"^the kernel's answer holds an address of family 2 in 0 bytes$"):
        decode.destination(destination_message(), WEB)


def test_attributes_may_be_longer_than_what_they_hold() -> None:
    values = attribute(1, bytes(15) + b"\1\7"), attribute(2, b"\x1f\x90\7"), attribute(11, b"\x0a\0\7")
    row = decode.destination(destination_message(*values), DNS6)
    assert row == Destination(DestinationKey(DNS6, ip_address("::1"), 8080), ForwardMethod.MASQUERADE, 0)


def test_a_service_has_the_engine_and_the_flags_that_the_kernel_names() -> None:
    row = decode.service(service_message(V4, (5, b"\7\0\0\0"), (7, b"\4\0\0\0"), (11, b"sip\0")))
    assert row == Service(FirewallMark(7), "", ServiceFlag.ONE_PACKET, mask=0, engine="sip")

"""decode: the answers of Linux to rows, and only KernelErrors for everything else."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.fake_linux import dumped_destination, dumped_service, packed
from contract.kernel_cases import WEB
from contract.tables import keys, services, wrapped
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink import decode
from ldirectord_py.ipvs.netlink.decode import BrokenDumpError, MalformedAnswerError, NetlinkMessage
from ldirectord_py.ipvs.netlink.uapi import NLM_F_MULTI, NLMSG_DONE
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Service

FAMILY, SEQUENCE = 32, 5

# One destination as Linux 6.1 dumped it: 10.1.0.2:8080 Masq, weight 65535, thresholds 100 and 50.
RECORDED = bytes.fromhex(
    "640100002000020005000000a10000000501000050010200140001000a01000200000000000000000000000006000200"
    "1f900000080003000000000008000400ffff000005000d000000000006000e000000000006000f000000000008000500"
    "640000000800060032000000080007000000000008000800000000000800090000000000" + "06000b0002000000"
    "5c000a000800010000000000080002000000000008000300000000000c00040000000000000000000c00050000000000"
    "00000000080006000000000008000700000000000800080000000000080009000000000008000a00000000007c000c00"
    "0c00010000000000000000000c00020000000000000000000c00030000000000000000000c0004000000000000000000"
    "0c00050000000000000000000c00060000000000000000000c00070000000000000000000c0008000000000000000000"
    "0c00090000000000000000000c000a000000000000000000"
)


def chunk_of(*bodies: bytes) -> bytes:
    return b"".join(packed(FAMILY, SEQUENCE, body, NLM_F_MULTI) for body in bodies)


def decoded(chunk: bytes) -> list[Destination | None]:
    """Return the destinations of a chunk, read attribute by attribute."""
    return [decode.destination(message, WEB) for message in decode.dumped(chunk, SEQUENCE)[0]]


def test_a_recorded_destination_is_decoded() -> None:
    key = DestinationKey(WEB, ip_address("10.1.0.2"), 8080)
    assert [Destination(key, ForwardMethod.MASQUERADE, 65535, 100, 50)] == decoded(RECORDED)


@given(st.lists(wrapped(WEB), min_size=1, unique_by=lambda row: row.key))
def test_destinations_are_decoded_in_any_order_of_their_attributes(rows: list[Destination]) -> None:
    bodies = list(map(dumped_destination, rows))
    assert rows == decoded(chunk_of(*bodies))
    assert rows == decoded(chunk_of(*(body[:8] + body[28:36] + body[8:28] + body[36:] for body in bodies)))


@given(keys().flatmap(services))
def test_a_dumped_service_is_decoded_without_the_kernels_own_flag(row: Service) -> None:
    found, done = decode.dumped(chunk_of(dumped_service(row)) * 2, SEQUENCE)
    assert ([row, row], False) == (list(map(decode.service, found)), done)


def test_a_dump_ends_with_its_last_message() -> None:
    found, done = decode.dumped(RECORDED + packed(NLMSG_DONE, SEQUENCE, bytes(4), NLM_F_MULTI), SEQUENCE)
    assert (len(found), done) == (1, True)


def test_messages_of_another_dump_are_skipped() -> None:
    assert decode.dumped(RECORDED, SEQUENCE + 1) == ([], False)


def test_a_dump_that_ends_with_an_error_is_broken() -> None:
    with pytest.raises(BrokenDumpError, match="EBUSY"):
        decode.dumped(packed(NLMSG_DONE, SEQUENCE, (-16).to_bytes(4, "little", signed=True)), SEQUENCE)


def test_a_message_longer_than_its_chunk_is_malformed() -> None:
    with pytest.raises(MalformedAnswerError, match="message of 356 bytes that does not fit"):
        decoded(RECORDED[:-1])


END = packed(NLMSG_DONE, SEQUENCE, bytes(4))
SEEDS = [RECORDED * 2, chunk_of(dumped_service(Service(WEB, "wrr", engine="sip"))) + END]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return an answer with some bytes changed, or truncated."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        data[draw(st.integers(0, min(len(data) - 1, 160)))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)) | st.just(len(data)))])


@given(st.binary(max_size=400) | damaged())
def test_any_answer_is_decoded_or_raises_a_kernel_error(chunk: bytes) -> None:
    for message in _all_messages(chunk):
        for read in (decode.service, lambda one: decode.destination(one, WEB), decode.family_id):
            try:
                read(message)
            except KernelError:
                continue
        assert isinstance(message.errno, int)


def _all_messages(chunk: bytes) -> list[decode.NetlinkMessage]:
    try:
        return list(decode.messages(chunk))
    except KernelError:
        return []


def service_message(*attributes: tuple[int, bytes]) -> NetlinkMessage:
    """Return a message with a service of these attributes."""
    inner = b""
    for kind, value in attributes:
        inner += struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
    body = b"\0" * 4 + struct.pack("=HH", 4 + len(inner), 1) + inner
    return NetlinkMessage(0, 0, 0, memoryview(body))


def test_an_error_without_a_number_is_none() -> None:
    assert NetlinkMessage(0, 0, 0, memoryview(b"")).errno == 0


def test_a_service_of_another_protocol_is_passed_over() -> None:
    assert decode.service(service_message((1, b"\2\0"), (2, b"\1\0"))) is None


def test_a_number_that_is_too_short_is_malformed() -> None:
    with pytest.raises(MalformedAnswerError, match="of 1 bytes, not 2"):
        decode.service(service_message((1, b"\2")))


def test_an_address_that_is_too_short_is_malformed() -> None:
    with pytest.raises(MalformedAnswerError, match="an address of family 2 in 3 bytes"):
        decode.service(service_message((1, b"\2\0"), (2, b"\6\0"), (3, b"abc")))

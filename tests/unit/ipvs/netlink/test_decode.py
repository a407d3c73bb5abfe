"""dump: what Linux answers, the fixed layout as good as the walk, and nothing but errors of ours for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.fake_linux import dumped_destination, dumped_service, packed
from contract.kernel_cases import WEB
from contract.tables import keys, services, wrapped
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink import decode
from ldirectord_py.ipvs.netlink.decode import DONE, MULTIPART, BrokenDumpError, MalformedAnswerError
from ldirectord_py.ipvs.netlink.dump_cache import Destinations, DumpCache, comparable_bytes
from ldirectord_py.ipvs.table import Destination, DestinationKey, FirewallMark, Forward, Row, Service

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
    return b"".join(packed(FAMILY, SEQUENCE, body, MULTIPART) for body in bodies)


def walked(chunk: bytes) -> list[Destination]:
    rows, done = decode.part(chunk, SEQUENCE, lambda message: decode.destination(message, WEB))
    assert not done
    return rows


def outcome(read: Callable[[], object]) -> object:
    """Return what is read, or the sort of error of ours that it ends in."""
    try:
        return read()
    except KernelError as error:
        return type(error)


def learned(known: Destinations, *chunks: bytes) -> list[Row]:
    """Return the rows that a dump in these chunks shows."""
    images = [image for chunk in chunks for image in known.image(chunk, SEQUENCE)[0]]
    if not known.is_known(b"".join(images)):
        known.learn(b"".join(images))
    return list(known.rows.values())


def test_a_recorded_destination_is_read_both_ways() -> None:
    (row,) = walked(RECORDED)
    key = DestinationKey(WEB, ip_address("10.1.0.2"), 8080)
    assert Destination(key, Forward.MASQUERADE, 65535, 100, 50) == row
    assert [row] == learned(Destinations(WEB), RECORDED)


def test_a_destination_is_sent_as_it_is_dumped() -> None:
    assert ([comparable_bytes(row) for row in walked(RECORDED)], False) == Destinations(WEB).image(RECORDED, SEQUENCE)


@given(st.lists(wrapped(WEB), min_size=1, unique_by=lambda row: row.key))
def test_the_fixed_layout_reads_what_the_walk_reads(rows: list[Destination]) -> None:
    chunk = chunk_of(*map(dumped_destination, rows))
    assert rows == walked(chunk)
    known = DumpCache().destinations(WEB)
    first, again = learned(known, chunk), learned(known, chunk)
    assert rows == first
    assert list(map(id, first)) == list(map(id, again))


@given(st.lists(wrapped(WEB), min_size=1, unique_by=lambda row: row.key))
def test_another_layout_is_walked_to_the_same_rows(rows: list[Destination]) -> None:
    swapped = [body[:8] + body[28:36] + body[8:28] + body[36:] for body in map(dumped_destination, rows)]
    known = Destinations(WEB)
    with pytest.raises(BrokenDumpError, match="another layout"):
        learned(known, chunk_of(*swapped))
    assert rows == learned(known, chunk_of(*swapped))


@given(keys().flatmap(services))
def test_a_dumped_service_is_read_without_the_kernels_own_flag(row: Service) -> None:
    chunk, recall = chunk_of(dumped_service(row)) * 2, DumpCache()
    for _ in range(2):
        assert ([row, row], False) == recall.services(chunk, SEQUENCE)
    assert ([row, row], False) == decode.part(chunk, SEQUENCE, decode.service)


def test_the_end_of_a_dump_is_seen_beside_its_rows() -> None:
    chunk = RECORDED + packed(DONE, SEQUENCE, bytes(4), MULTIPART)
    rows, done = Destinations(WEB).image(chunk, SEQUENCE)
    assert list(map(comparable_bytes, walked(RECORDED))) == rows
    assert done


def test_rows_of_another_dump_are_passed_over() -> None:
    assert Destinations(WEB).image(RECORDED, SEQUENCE + 1) == ([], False)
    assert decode.part(RECORDED, SEQUENCE + 1, decode.service) == ([], False)


def test_what_changed_is_decoded_anew() -> None:
    known = Destinations(WEB)
    (before,) = learned(known, RECORDED)
    (after,) = learned(known, RECORDED.replace(b"\xff\xff\0\0", b"\7\0\0\0"))
    assert isinstance(before, Destination)
    assert replace(before, weight=7) == after


def test_counters_do_not_make_another_row() -> None:
    known = Destinations(WEB)
    (before,) = learned(known, RECORDED)
    (after,) = learned(known, RECORDED[:112] + bytes([1]) + RECORDED[113:])
    assert before is after


def test_what_changed_leaves_the_other_rows_the_same_objects() -> None:
    rows = [Destination(DestinationKey(WEB, IPv4Address(n), 80), Forward.ROUTE, 1) for n in range(1, 31)]
    known = Destinations(WEB)
    before = learned(known, chunk_of(*map(dumped_destination, rows)))
    rows[7] = replace(rows[7], weight=2)
    after = learned(known, chunk_of(*map(dumped_destination, rows)))
    assert rows == after
    assert [index for index, pair in enumerate(zip(before, after, strict=True)) if pair[0] is not pair[1]] == [7]


def test_what_went_is_not_known_any_more() -> None:
    known = Destinations(WEB)
    assert learned(known, RECORDED)
    assert not learned(known)


def test_services_are_forgotten_when_the_table_has_shrunk() -> None:
    recall = DumpCache()
    before = [recall.destinations(FirewallMark(number)) for number in range(1, 301)]
    recall.trim(300)
    assert before[0] is recall.destinations(FirewallMark(1))
    recall.trim(1)
    assert before[0] is not recall.destinations(FirewallMark(1))


def test_a_dump_that_ends_with_an_error_is_broken() -> None:
    with pytest.raises(BrokenDumpError, match="EBUSY"):
        decode.part(packed(DONE, SEQUENCE, (-16).to_bytes(4, "little", signed=True)), SEQUENCE, decode.service)


def test_a_message_longer_than_its_chunk_is_malformed() -> None:
    with pytest.raises(MalformedAnswerError, match="message of 356 bytes that does not fit"):
        walked(RECORDED[:-1])


END = packed(DONE, SEQUENCE, bytes(4))
SEEDS = [RECORDED * 2, chunk_of(dumped_service(Service(WEB, "wrr", engine="sip"))) + END]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return an answer with some bytes changed, or cut."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        data[draw(st.integers(0, min(len(data) - 1, 160)))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)) | st.just(len(data)))])


@given(st.binary(max_size=400) | damaged())
def test_any_answer_gives_rows_or_an_error_of_ours(chunk: bytes) -> None:
    for message in _all_messages(chunk):
        for read in (decode.service, lambda one: decode.destination(one, WEB), decode.family_id):
            try:
                read(message)
            except KernelError:
                continue
        assert isinstance(message.errno, int)


def _all_messages(chunk: bytes) -> list[decode.Message]:
    try:
        return list(decode.messages(chunk))
    except KernelError:
        return []


@given(st.binary(max_size=400) | damaged())
def test_recall_gives_the_same_rows_or_error_of_ours_again(chunk: bytes) -> None:
    recall = DumpCache()
    recall.destinations(WEB)._fixed = False
    reads = (lambda: learned(recall.destinations(WEB), chunk), lambda: recall.services(chunk, SEQUENCE))
    for read in reads:
        assert outcome(read) == outcome(read)

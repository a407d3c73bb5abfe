"""The short cuts of DumpCache: taken in the layout of today's kernels, only where attributes say the same."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from contract.fake_linux import attribute, dumped_destination, dumped_service, packed
from contract.kernel_cases import DNS6, MARK, MARK6, WEB, service
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink import decode, dump_cache, uapi
from ldirectord_py.ipvs.netlink.dump_cache import DumpCache
from ldirectord_py.ipvs.netlink.encode import service_key
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Service,
    Tunnel,
    VirtualAddress,
)
from unit.ipvs.netlink.test_decode import SEQUENCE, chunk_of

Outcome = tuple[list[Destination], bool] | tuple[list[Service], bool] | type[KernelError]

ROWS = [
    Destination(DestinationKey(WEB, ip_address("10.1.0.1"), 8080), ForwardMethod.MASQUERADE, 65535, 100, 50),
    Destination(DestinationKey(WEB, ip_address("2001:db8::1"), 443), ForwardMethod.TUNNEL, 0),
    Destination(DestinationKey(WEB, ip_address("10.1.0.2"), 80), ForwardMethod.TUNNEL, 1, tunnel=Tunnel(1, 6080, 2)),
    Destination(DestinationKey(WEB, ip_address("10.1.0.3"), 80), ForwardMethod.ROUTE, 3),
]
SERVICES = [service(), service(WEB._replace(port=8080), "rr"), service(WEB._replace(port=443))]
HEADER = uapi.NLMSGHDR.size
WEB6 = VirtualAddress(Protocol.TCP, ip_address("2001:db8::1"), 80)


def chunk(*rows: Destination) -> bytes:
    return chunk_of(*map(dumped_destination, rows))


def services_chunk(*rows: Service) -> bytes:
    return chunk_of(*map(dumped_service, rows))


def refuse(*_: object) -> None:
    raise AssertionError("attributes are read one by one")


def outcome(read: Callable[[], Outcome]) -> Outcome:
    """Return what is read, or the class of the KernelError."""
    try:
        return read()
    except KernelError as error:
        return type(error)


def by_cache(data: bytes) -> Outcome:
    return outcome(lambda: DumpCache().destinations(WEB).rows_of_chunk(data, SEQUENCE))


def by_attributes(data: bytes) -> Outcome:
    def read() -> tuple[list[Destination], bool]:
        found, done = decode.dumped(data, SEQUENCE)
        return [row for each in found if (row := decode.destination(each, WEB)) is not None], done

    return outcome(read)


def test_destinations_in_todays_layout_are_read_at_fixed_offsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump_cache, "dumped", refuse)
    assert DumpCache().destinations(WEB).rows_of_chunk(chunk(*ROWS), SEQUENCE) == (ROWS, False)
    assert DumpCache().destinations(WEB).rows_of_chunk(chunk(ROWS[0]), SEQUENCE) == (ROWS[:1], False)


def test_the_end_of_a_dump_is_read_at_fixed_offsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump_cache, "dumped", refuse)
    end = packed(uapi.NLMSG_DONE, SEQUENCE, bytes(4), uapi.NLM_F_MULTI)
    assert DumpCache().destinations(WEB).rows_of_chunk(end, SEQUENCE) == ([], True)


@pytest.mark.parametrize(
    "end",
    [
        packed(uapi.NLMSG_DONE, SEQUENCE, struct.pack("=i", -16), uapi.NLM_F_MULTI),
        packed(uapi.NLMSG_ERROR, SEQUENCE, bytes(4), uapi.NLM_F_MULTI),
        packed(uapi.NLMSG_DONE, SEQUENCE + 1, bytes(4), uapi.NLM_F_MULTI),
        packed(uapi.NLMSG_DONE, SEQUENCE, bytes(4), uapi.NLM_F_MULTI | uapi.NLM_F_DUMP_INTR),
        packed(uapi.NLMSG_DONE, SEQUENCE, bytes(4)),
        b"",
    ],
)
def test_any_other_end_is_what_its_message_says(end: bytes) -> None:
    assert by_cache(end) == by_attributes(end)


HEADS = (24, 44, 52, 60, 68, 76, 84, 92, 100, 132)
"""Where the attributes of a destination begin that are read at fixed offsets."""


@pytest.mark.parametrize("at", [*range(HEADER), *(head + byte for head in HEADS for byte in range(4))])
@pytest.mark.parametrize("change", [0x01, 0x04, 0x80])
def test_another_header_or_attribute_gives_what_the_attributes_say(at: int, change: int) -> None:
    data = bytearray(chunk(*ROWS[:2]))
    data[at] ^= change
    assert by_cache(bytes(data)) == by_attributes(bytes(data))


@pytest.mark.parametrize("family", [0, 2, 7, 10])
def test_another_family_gives_what_the_attributes_say(family: int) -> None:
    data = bytearray(chunk(ROWS[0]))
    data[136] = family
    assert by_cache(bytes(data)) == by_attributes(bytes(data))


@pytest.mark.parametrize("kind", [uapi.NLMSG_ERROR, uapi.NLMSG_DONE])
def test_a_message_of_the_length_of_a_row_that_is_none_ends_the_dump(kind: int) -> None:
    data = bytearray(chunk(ROWS[0]))
    struct.pack_into("=H", data, 4, kind)
    struct.pack_into("=i", data, HEADER, 0)
    assert by_cache(bytes(data)) == by_attributes(bytes(data)) == ([], True)


def test_rows_that_stay_equal_are_the_same_objects_in_another_chunk() -> None:
    cache = DumpCache()
    known = cache.destinations(WEB)
    first, _ = known.rows_of_chunk(chunk(*ROWS), SEQUENCE)
    known.remember(first)
    assert known.last is first
    assert known.decoded == len(ROWS)
    assert list(known.rows) == [row.key for row in ROWS]
    changed = [ROWS[1], ROWS[0]._replace(weight=7), ROWS[2]]
    again, _ = known.rows_of_chunk(chunk(*changed), SEQUENCE)
    assert again == changed
    assert (again[0] is first[1], again[2] is first[2]) == (True, True)
    assert known.decoded == len(ROWS) + 3


def test_services_that_are_known_are_not_decoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DumpCache()
    first = cache.services(services_chunk(*SERVICES), SEQUENCE)
    assert first == (SERVICES, False)
    monkeypatch.setattr(dump_cache, "dumped", refuse)
    for rows in (SERVICES, SERVICES[::-1], SERVICES[:1]):
        assert cache.services(services_chunk(*rows), SEQUENCE) == (rows, False)


def test_counters_make_no_other_service(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, data = DumpCache(), bytearray(services_chunk(service()))
    (before,), _ = cache.services(bytes(data), SEQUENCE)
    for at in (len(data) - 1, len(data) - 0x7C + 4, len(data) - 0x7C - 1, len(data) - 0x7C - 0x5C + 4):
        data[at] = 7
    monkeypatch.setattr(dump_cache, "dumped", refuse)
    (after,), _ = cache.services(bytes(data), SEQUENCE)
    assert before is after


def test_only_the_key_is_decoded_of_services_whose_other_values_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, row, other = DumpCache(), service(), service(WEB._replace(port=443))
    mark, mark6, dns = service(MARK), service(MARK6), service(DNS6)
    for each in (row, dns, mark, mark6):
        assert cache.services(services_chunk(each), SEQUENCE) == ([each], False)
    monkeypatch.setattr(dump_cache, "service", refuse)
    assert cache.services(services_chunk(other), SEQUENCE) == ([other], False)


def services_by_attributes(data: bytes) -> Outcome:
    def read() -> tuple[list[Service], bool]:
        found, done = decode.dumped(data, SEQUENCE)
        return [row for each in found if (row := decode.service(each)) is not None], done

    return outcome(read)


@pytest.mark.parametrize("change", [0x01, 0x04, 0x80])
@pytest.mark.parametrize("at", [*range(HEADER), *range(HEADER + 8, HEADER + 56)])
def test_another_service_gives_what_the_attributes_say(at: int, change: int) -> None:
    """A service with the same values is known; any byte of the header or of the key differs."""
    cache, data = DumpCache(), bytearray(services_chunk(SERVICES[0]))
    cache.services(bytes(data), SEQUENCE)
    data[at] ^= change
    assert outcome(lambda: cache.services(bytes(data), SEQUENCE)) == services_by_attributes(bytes(data))


def joined(*attributes: tuple[int, bytes]) -> bytes:
    return b"".join(attribute(*each) for each in attributes)


def raw_service(*attributes: tuple[int, bytes]) -> bytes:
    """Return a dumped service of these attributes, in their order."""
    return chunk_of(bytes(4) + attribute(1, joined(*attributes)))


def read_in_turn(*chunks: bytes) -> list[Outcome]:
    """Return what one cache reads."""
    cache = DumpCache()
    return [outcome(lambda data=each: cache.services(data, SEQUENCE)) for each in chunks]  # type: ignore[misc]


def web_key(port: int) -> list[tuple[int, bytes]]:
    address = bytes([10, 0, 0, 1]) + bytes(12)
    return [(1, b"\2\0"), (2, b"\6\0"), (3, address), (4, struct.pack(">H", port))]


STATISTICS = [(10, bytes(0x58)), (12, bytes(0x78))]


def test_a_service_with_an_address_and_a_mark_is_that_of_its_mark() -> None:
    chunks = [raw_service(*web_key(port), (5, b"\7\0\0\0"), (6, b"wrr\0"), *STATISTICS) for port in (80, 443)]
    assert read_in_turn(*chunks) == [services_by_attributes(each) for each in chunks]


@pytest.mark.parametrize("last", [STATISTICS[1:], []])
def test_what_is_in_the_place_of_the_statistics_is_read(last: list[tuple[int, bytes]]) -> None:
    values = [(6, b"wrr\0"), (9, bytes(200))]
    chunks = [
        raw_service(*web_key(80), *values, (11, engine + bytes(0x58 - len(engine))), *last)
        for engine in (b"sip", b"abc")
    ]
    assert read_in_turn(*chunks) == [services_by_attributes(each) for each in chunks]


def test_values_that_look_alike_are_those_of_another_family() -> None:
    rows = [replace(service(), mask=0x80000000), service(WEB6)]
    assert read_in_turn(*map(services_chunk, rows)) == [([row], False) for row in rows]


def test_a_chunk_with_known_and_new_services_has_both() -> None:
    first, second = SERVICES[0], SERVICES[2]
    assert read_in_turn(services_chunk(first), services_chunk(first, second)) == [
        ([first], False),
        ([first, second], False),
    ]


def test_destinations_are_asked_for_by_the_key_of_their_service_and_unknown_at_first() -> None:
    known = DumpCache().destinations(WEB)
    assert (known.request, known.last, known.rows, known.decoded) == (service_key(WEB), [], {}, 0)


def test_equal_rows_are_remembered_once() -> None:
    known = DumpCache().destinations(WEB)
    known.remember(list(ROWS))
    rows = known.rows
    known.remember(list(ROWS))
    assert known.rows is rows
    known.remember(ROWS[1:])
    assert list(known.rows.values()) == known.last == ROWS[1:]


@pytest.mark.parametrize(
    ("held", "rows", "is_kept"), [(258, 1, True), (259, 1, False), (277, 10, False), (276, 10, True)]
)
def test_at_most_about_twice_the_rows_of_the_table_are_kept(held: int, rows: int, is_kept: bool) -> None:
    cache = DumpCache()
    owners = [FirewallMark(number) for number in range(1, held + 1)]
    data = chunk(ROWS[0])
    before = [cache.destinations(owner).rows_of_chunk(data, SEQUENCE)[0] for owner in owners]
    cache.trim(rows)
    assert (cache.destinations(owners[0]).rows_of_chunk(data, SEQUENCE)[0] is before[0]) is is_kept

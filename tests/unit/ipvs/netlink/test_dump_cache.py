"""DumpCache: the rows that decode finds, each made once while its bytes stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from contract.fake_linux import dumped_destination, dumped_service, packed
from contract.kernel_cases import WEB
from contract.tables import keys, services, wrapped
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink.dump_cache import DumpCache
from ldirectord_py.ipvs.netlink.uapi import NLM_F_MULTI, NLMSG_DONE
from ldirectord_py.ipvs.table import Destination, DestinationKey, FirewallMark, ForwardMethod, Service
from unit.ipvs.netlink.test_decode import RECORDED, SEQUENCE, chunk_of, damaged, decoded

ROWS = st.lists(wrapped(WEB), min_size=1, unique_by=lambda row: row.key)


def destinations(cache: DumpCache, chunk: bytes) -> list[Destination]:
    known = cache.destinations(WEB)
    rows, done = known.rows_of_chunk(chunk, SEQUENCE)
    known.remember(rows)
    assert not done
    return rows


def dump(rows: Iterable[Destination]) -> bytes:
    return chunk_of(*map(dumped_destination, rows))


def ids(rows: Iterable[object]) -> list[int]:
    return list(map(id, rows))


@given(ROWS)
def test_destinations_are_those_of_decode_and_made_once(rows: list[Destination]) -> None:
    cache = DumpCache()
    first, again = destinations(cache, dump(rows)), destinations(cache, dump(rows))
    assert rows == first
    assert ids(first) == ids(again)


@given(ROWS)
def test_another_layout_gives_the_same_rows(rows: list[Destination]) -> None:
    swapped = [body[:8] + body[28:36] + body[8:28] + body[36:] for body in map(dumped_destination, rows)]
    assert rows == destinations(DumpCache(), chunk_of(*swapped))


@given(keys().flatmap(services))
def test_services_are_those_of_decode_and_made_once(row: Service) -> None:
    chunk, cache = chunk_of(dumped_service(row)) * 2, DumpCache()
    found = [one for _ in range(2) for one in cache.services(chunk, SEQUENCE)[0]]
    assert [row] * 4 == found
    assert len(set(ids(found))) == 1


@given(st.lists(keys().flatmap(services), max_size=6, unique_by=lambda row: row.key))
def test_services_with_equal_other_values_keep_their_keys(rows: list[Service]) -> None:
    cache = DumpCache()
    chunk = chunk_of(*(dumped_service(row) for row in rows))
    for _ in range(2):
        assert rows == cache.services(chunk, SEQUENCE)[0]


def test_a_changed_row_leaves_the_others_the_same_objects() -> None:
    rows = [Destination(DestinationKey(WEB, IPv4Address(n), 80), ForwardMethod.ROUTE, 1) for n in range(1, 31)]
    cache = DumpCache()
    before = destinations(cache, dump(rows))
    rows[7] = rows[7]._replace(weight=2)
    after = destinations(cache, dump(rows))
    assert rows == after
    assert [at for at, pair in enumerate(zip(before, after, strict=True)) if pair[0] is not pair[1]] == [7]


def test_counters_do_not_make_another_row() -> None:
    cache = DumpCache()
    (before,) = destinations(cache, RECORDED)
    (after,) = destinations(cache, RECORDED[:112] + bytes([1]) + RECORDED[113:])
    assert before is after


def test_the_end_of_a_dump_is_seen_beside_its_rows() -> None:
    chunk = RECORDED + packed(NLMSG_DONE, SEQUENCE, bytes(4), NLM_F_MULTI)
    assert (decoded(RECORDED), True) == DumpCache().destinations(WEB).rows_of_chunk(chunk, SEQUENCE)


def test_rows_of_another_dump_are_skipped() -> None:
    assert DumpCache().destinations(WEB).rows_of_chunk(RECORDED, SEQUENCE + 1) == ([], False)


def test_everything_is_forgotten_once_the_table_has_shrunk() -> None:
    cache = DumpCache()
    owners = [FirewallMark(number) for number in range(1, 301)]
    before = [cache.destinations(owner).rows_of_chunk(RECORDED, SEQUENCE)[0][0] for owner in owners]
    cache.trim(300)
    assert before[0] is cache.destinations(owners[0]).rows_of_chunk(RECORDED, SEQUENCE)[0][0]
    cache.trim(1)
    assert before[0] is not cache.destinations(owners[0]).rows_of_chunk(RECORDED, SEQUENCE)[0][0]


def outcome(read: Callable[[], object]) -> object:
    """Return what is read, or the class of the KernelError."""
    try:
        return read()
    except KernelError as error:
        return type(error)


@given(st.binary(max_size=400) | damaged())
def test_any_answer_gives_the_same_rows_or_kernel_error_again(chunk: bytes) -> None:
    cache = DumpCache()
    reads = (lambda: cache.destinations(WEB).rows_of_chunk(chunk, SEQUENCE), lambda: cache.services(chunk, SEQUENCE))
    for read in reads:
        assert outcome(read) == outcome(read)

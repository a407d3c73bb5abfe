"""NetlinkSession: which answers count, which ops are written again, and when a table is read again."""

from __future__ import annotations

import errno
import struct
import time
from collections import deque
from collections.abc import Callable
from itertools import count

import pytest

from contract.fake_linux import FakeLinux, FakeSocket, attribute, cut, fine, interrupted, lose, overrun, packed
from contract.kernel_cases import DNS6, MANY, MARK, WEB, add, delete, edit, real, service, table
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink import decode, session
from ldirectord_py.ipvs.netlink.batches import MAX_BATCH, MIN_BATCH
from ldirectord_py.ipvs.netlink.encode import batch, request, service_key
from ldirectord_py.ipvs.netlink.session import NetlinkSession, NoFamilyError, WriteOutcome
from ldirectord_py.ipvs.netlink.socket import LONG_READ, PAGE_READ
from ldirectord_py.ipvs.refusal import validate
from ldirectord_py.ipvs.table import FirewallMark, Row, Usage

ONE, TWO, THREE = real("10.1.0.1"), real("10.1.0.2"), real("10.1.0.3")
FAMILY = 32


class Opened:
    """Sockets to a kernel, each with the sizes of its reads, and those that are closed."""

    def __init__(self, linux: FakeLinux, most: int = 99) -> None:
        self.linux = linux
        self.sockets: list[RecordingSocket] = []
        self.most = most

    def open_socket(self) -> RecordingSocket:
        if len(self.sockets) == self.most:
            raise KernelError("too many")
        self.sockets.append(RecordingSocket(self.linux))
        return self.sockets[-1]

    @property
    def closed(self) -> list[int]:
        return [number for number, each in enumerate(self.sockets) if each.closed]


class RecordingSocket(FakeSocket):
    def __init__(self, linux: FakeLinux) -> None:
        super().__init__(linux)
        self.closed = False
        self.sizes: list[int] = []
        self.sent: list[bytes] = []

    def send(self, data: bytes, /) -> int:
        self.sent.append(data)
        return super().send(data)

    def recv(self, size: int, /) -> bytes:
        self.sizes.append(size)
        return super().recv(size)

    def close(self) -> None:
        super().close()
        self.closed = True


class ScriptedSocket:
    """A socket that keeps what is sent, and receives what is given."""

    def __init__(self, *chunks: bytes) -> None:
        self.sent: list[bytes] = []
        self.chunks = deque(chunks)

    def send(self, data: bytes, /) -> int:
        self.sent.append(data)
        return len(data)

    def recv(self, size: int, /) -> bytes:
        if not self.chunks:
            raise BlockingIOError(errno.EAGAIN, "nothing")
        return self.chunks.popleft()

    def close(self) -> None:
        pass


def family_answer(family: int, sequence: int = 1) -> bytes:
    return packed(16, sequence, bytes(4) + attribute(1, struct.pack("=H", family)))


def error_answer(sequence: int, error: int = 0) -> bytes:
    return packed(2, sequence, struct.pack("=i", -error) + bytes(16))


def test_the_family_is_asked_for_by_its_name_and_taken_from_the_answer_to_the_request() -> None:
    opened = ScriptedSocket(family_answer(44, sequence=9), family_answer(45, sequence=8) + family_answer(0x11E))
    found = NetlinkSession(lambda: opened)
    assert found.resolve() == 0x11E
    name = struct.pack("=HH", 9, 2) + b"IPVS\0\0\0\0"
    assert opened.sent == [struct.pack("=IHHIIBBH", 32, 16, 1, 1, 0, 3, 1, 0) + name]
    opened.chunks.extend([family_answer(33, sequence=2)])
    assert found.resolve() == 33


def test_a_kernel_without_the_family_says_so() -> None:
    with pytest.raises(NoFamilyError, match=r"^the kernel has no IPVS: modprobe ip_vs$"):
        NetlinkSession(lambda: ScriptedSocket(error_answer(1, errno.ENOENT))).resolve()


def test_all_sockets_are_closed_together_and_none_is_left_when_one_cannot_be_opened() -> None:
    opened = Opened(FakeLinux())
    made = NetlinkSession(opened.open_socket)
    assert opened.closed == []
    made.close()
    assert opened.closed == [0, 1, 2]
    opened = Opened(FakeLinux(), most=2)
    with pytest.raises(KernelError, match="too many"):
        NetlinkSession(opened.open_socket)
    assert opened.closed == [0, 1]


def test_the_outcome_has_invalid_ops_and_refusals_by_position() -> None:
    linux = FakeLinux([service(), ONE])
    bad = add(TWO._replace(weight=-1))[0]
    outcome = NetlinkSession(linux.open_socket).write([bad, *add(ONE, THREE)])
    assert outcome == WriteOutcome(FAMILY, {0: validate(bad)}, {1: errno.EEXIST}, [])  # type: ignore[dict-item]
    assert not outcome.needs_confirmation
    assert linux.kernel.table == table(service(), ONE, THREE)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (WriteOutcome(FAMILY), False),
        (WriteOutcome(FAMILY, errors={3: errno.EEXIST}), False),
        (WriteOutcome(FAMILY, errors={3: errno.EEXIST, 4: errno.ENOENT}), True),
        (WriteOutcome(FAMILY, lost=[2]), True),
    ],
)
def test_lost_answers_and_missing_things_need_confirmation(outcome: WriteOutcome, expected: bool) -> None:
    assert outcome.needs_confirmation is expected


def test_without_privilege_nothing_is_written() -> None:
    linux = FakeLinux([service()])
    linux.unprivileged = True
    with pytest.raises(KernelError, match=f"^{decode.UNPRIVILEGED}$"):
        NetlinkSession(linux.open_socket).write(add(ONE))


@pytest.mark.parametrize("size", [MAX_BATCH, MAX_BATCH + 1, 2 * MAX_BATCH])
def test_many_ops_are_written_in_batches(size: int) -> None:
    linux = FakeLinux([service()])
    rows = [real(f"10.2.{number // 200}.{number % 200 + 1}") for number in range(size)]
    rows[size - 1] = rows[0]
    outcome = NetlinkSession(linux.open_socket).write(add(*rows))
    assert outcome == WriteOutcome(FAMILY, errors={size - 1: errno.EEXIST})
    assert linux.kernel.table == table(service(), *rows[:-1])


@pytest.mark.parametrize(
    ("mishaps", "lost"),
    [
        ([], []),
        ([overrun], [0, 1]),
        ([cut], [0, 1]),
        ([fine, overrun], [1, 2]),
        ([fine, fine, overrun], [1, 3]),
        ([fine, lose], [1, 2, 3]),
        ([lose], [0, 1, 2, 3]),
    ],
)
def test_ops_are_lost_that_may_have_an_answer_that_is_missing(
    mishaps: list[Callable[[bytes], bytes]], lost: list[int]
) -> None:
    linux = FakeLinux([service(), ONE, TWO])
    made = NetlinkSession(linux.open_socket)
    made.resolve()
    linux.mishaps.extend(mishaps)
    outcome = made.write(add(ONE, THREE, TWO, real("10.1.0.4")))
    refused = {at: errno.EEXIST for at in (0, 2) if at not in lost}
    assert (outcome.errors, outcome.lost) == (refused, lost)


def test_answers_to_others_do_not_count() -> None:
    opened = ScriptedSocket(family_answer(FAMILY))
    made = NetlinkSession(lambda: opened)
    made.resolve()
    opened.chunks.extend([error_answer(1, 5) + error_answer(5, 5) + family_answer(9, 4), error_answer(4)])
    assert made.write(add(ONE, TWO, THREE)) == WriteOutcome(FAMILY)
    opened.chunks.extend([error_answer(1, 5)] * 1000)
    assert made.write(add(ONE, TWO)).lost == [0, 1]


def written(linux: FakeLinux) -> int:
    """Return how many ops the kernel has done."""
    return len(linux.kernel.written)


def test_ops_that_have_had_their_effect_are_not_written_again() -> None:
    linux = FakeLinux([service(), ONE, TWO])
    made = NetlinkSession(linux.open_socket)
    made.resolve()
    linux.mishaps.append(lose)
    ops = [*delete(ONE), *edit(TWO._replace(weight=7)), *add(THREE)]
    outcome = made.write(ops)
    assert outcome.lost == [0, 1, 2]
    assert (made.confirm(ops, outcome), written(linux)) == ({}, 3)


def test_ops_that_were_lost_on_the_way_are_written_again() -> None:
    linux = FakeLinux([service(), ONE, TWO])
    made = NetlinkSession(linux.open_socket)
    linux.deaf = 2
    ops = [*delete(ONE), *edit(TWO._replace(weight=7)), *add(THREE)]
    outcome = made.write(ops)
    assert (outcome.lost, written(linux)) == ([0, 1, 2], 0)
    assert made.confirm(ops, outcome) == {}
    assert linux.kernel.table == table(service(), TWO._replace(weight=7), THREE)


def test_a_refusal_that_was_lost_comes_with_its_position() -> None:
    linux = FakeLinux([service(), ONE])
    made = NetlinkSession(linux.open_socket)
    made.resolve()
    linux.mishaps.append(overrun)
    ops = add(TWO, ONE._replace(weight=7), THREE)
    outcome = made.write(ops)
    assert made.confirm(ops, outcome) == {1: errno.EEXIST}
    assert linux.kernel.table == table(service(), ONE, TWO, THREE)


def test_ops_that_are_lost_every_time_are_refused_after_some_attempts() -> None:
    linux = FakeLinux([service()])
    made = NetlinkSession(linux.open_socket)
    linux.deaf = session.MAX_WRITES + 1
    ops = add(ONE, TWO)
    assert made.confirm(ops, made.write(ops)) == {0: errno.ENOBUFS, 1: errno.ENOBUFS}
    assert linux.deaf == 0
    assert written(linux) == 0


def test_an_op_that_gets_through_in_the_last_attempt_is_no_refusal() -> None:
    linux = FakeLinux([service()])
    made = NetlinkSession(linux.open_socket)
    linux.deaf = session.MAX_WRITES
    ops = add(ONE, TWO)
    assert made.confirm(ops, made.write(ops)) == {}
    assert linux.kernel.table == table(service(), ONE, TWO)


def test_what_is_missing_is_refused_unless_the_family_has_another_id_now() -> None:
    linux = FakeLinux([service(), TWO])
    made = NetlinkSession(linux.open_socket)
    ops = [*edit(ONE), *add(TWO), *add(THREE)]
    outcome = made.write(ops)
    expected = {0: errno.ENOENT, 1: errno.EEXIST}
    assert outcome.errors == expected
    assert (made.confirm(ops, outcome), written(linux)) == (expected, 1)
    linux.kernel._execute(delete(THREE)[0])
    linux.family = 33
    outcome = made.write(ops)
    assert outcome.errors == dict.fromkeys(range(3), errno.ENOENT)
    assert (made.confirm(ops, outcome), written(linux)) == (expected, 2)
    sent = linux.sent
    linux.family = 34
    outcome = made.write(ops)
    made.confirm(ops, outcome)
    assert linux.sent - sent == 4  # written, the family found, written again, and the family is the same


def test_the_table_is_read_with_each_service_and_its_destinations() -> None:
    rows: list[Row] = [service(), ONE, service(DNS6), real("2001:db8::10", of=DNS6), service(MARK)]
    found = NetlinkSession(FakeLinux(rows).open_socket).read()
    assert list(found.items()) == list(table(*rows).items())


def test_a_broken_dump_is_read_again_by_new_sockets() -> None:
    opened = Opened(FakeLinux([service(), ONE]))
    made = NetlinkSession(opened.open_socket)
    made.read()
    opened.linux.mishaps.extend([fine, interrupted])
    began = time.monotonic()
    assert made.read() == table(service(), ONE)
    assert time.monotonic() - began >= session.RETRY_PAUSE
    assert (len(opened.sockets), opened.closed) == (5, [1, 2])
    opened.linux.kernel._execute(edit(ONE._replace(weight=3))[0])
    made.read()
    assert [set(each.sizes) for each in opened.sockets[3:]] == [{PAGE_READ}, {LONG_READ}]
    made.close()
    assert opened.closed == [0, 1, 2, 3, 4]


def test_a_table_is_read_though_the_family_has_another_id_now() -> None:
    linux = FakeLinux([service(), ONE])
    made = NetlinkSession(linux.open_socket)
    made.read()
    linux.family = 33
    assert made.read() == table(service(), ONE)


@pytest.mark.parametrize("mishap", [interrupted, lose, cut])
def test_a_table_that_cannot_be_read_is_given_up(
    monkeypatch: pytest.MonkeyPatch, mishap: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(session, "READ_TIMEOUT", -1.0)
    linux = FakeLinux([service(), ONE])
    made = NetlinkSession(linux.open_socket)
    made.resolve()
    linux.mishaps.extend([mishap, fine] * 1000)  # the family is found each time
    with pytest.raises(KernelError, match=r"^the kernel's table cannot be read: the kernel's "):
        made.read()
    assert len(linux.mishaps) == 2000 - 2 * session.MIN_READS + 1


def test_services_that_come_during_a_read_are_in_the_table() -> None:
    linux = FakeLinux([service(), ONE])
    steps = iter([None, add(service(MARK))])

    def between() -> None:
        if ops := next(steps, None):
            linux.kernel._execute(ops[0])

    linux.between = between
    assert NetlinkSession(linux.open_socket).read() == table(service(), ONE, service(MARK))


@pytest.mark.parametrize(("destinations", "size"), [(10, PAGE_READ), (11, LONG_READ)])
def test_services_with_more_destinations_than_a_page_holds_are_read_in_large_parts(
    destinations: int, size: int
) -> None:
    opened = Opened(FakeLinux([service(), *MANY[:destinations]], part=20))
    made = NetlinkSession(opened.open_socket)
    assert made.read() == table(service(), *MANY[:destinations])
    opened.linux.kernel._execute(edit(MANY[0]._replace(weight=9))[0])
    _, short, long = opened.sockets
    short.sizes.clear()
    long.sizes.clear()
    made.read()
    assert set(short.sizes) == ({PAGE_READ} if size == PAGE_READ else set())
    assert set(long.sizes) == {LONG_READ}


def test_a_service_that_was_never_read_is_read_in_parts_as_large_as_the_one_before_it() -> None:
    rows: list[Row] = [service(), ONE, service(DNS6), real("2001:db8::10", of=DNS6)]
    opened = Opened(FakeLinux(rows))
    assert NetlinkSession(opened.open_socket).read() == table(*rows)
    edits, short, long = opened.sockets
    assert (edits.sizes, short.sizes, long.sizes) == ([PAGE_READ], [PAGE_READ] * 2, [LONG_READ] * 6)


def test_a_long_dump_is_repeated_unless_it_equals_the_one_before() -> None:
    linux = FakeLinux([service(), *MANY[:10]], part=5)
    made = NetlinkSession(linux.open_socket)
    sent = []
    for weight in (1, 1, 2, 2):
        linux.kernel._execute(edit(MANY[9]._replace(weight=weight))[0])
        before = linux.sent
        assert made.read() == linux.kernel.table
        sent.append(linux.sent - before)
    assert sent == [5, 3, 4, 3]  # the family at first; services; destinations once or twice; services


def test_a_long_dump_that_keeps_changing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_TIMEOUT", 0.02)
    linux = FakeLinux([service(), *MANY[:10]], part=5)
    weights = count(2)
    linux.between = lambda: linux.kernel._execute(edit(MANY[9]._replace(weight=next(weights)))[0])
    reason = "^the kernel's table cannot be read: destinations came or went meanwhile$"
    with pytest.raises(KernelError, match=reason):
        NetlinkSession(linux.open_socket).read()


def test_the_usage_is_that_of_each_destination_of_the_services() -> None:
    other = real("2001:db8::10", 4, of=DNS6)
    linux = FakeLinux([service(), *MANY[:5], service(DNS6), other, service(MARK)], part=2)
    linux.connected = {MANY[0].key: (1, 2, 3), other.key: (4, 5, 6)}
    made = NetlinkSession(linux.open_socket)
    expected = {row.key: Usage(row.weight) for row in MANY[:5]} | {MANY[0].key: Usage(MANY[0].weight, 1, 2, 3)}
    assert made.usage([service().key, DNS6, MARK]) == expected | {other.key: Usage(4, 4, 5, 6)}
    assert made.usage([DNS6]) == {other.key: Usage(4, 4, 5, 6)}
    assert made.usage([]) == {}


def test_a_usage_whose_dump_lost_a_destination_has_it_by_the_second_dump() -> None:
    linux = FakeLinux([service(), *MANY[:4]], part=2)
    made = NetlinkSession(linux.open_socket)
    made.resolve()
    gone = iter([MANY[3]])

    def between() -> None:
        """Remove the row that was dumped first, once, so that the third has the place of the second."""
        if (row := next(gone, None)) is not None:
            linux.kernel._execute(delete(row)[0])

    linux.between = between
    assert made.usage([service().key]).keys() == {row.key for row in MANY[:4]}


def test_encoded_rows_are_sent_as_they_are() -> None:
    linux = FakeLinux([service()])
    payload = batch(add(TWO), FAMILY, 1)[20:]
    NetlinkSession(linux.open_socket).write(add(ONE), {ONE: payload})
    assert linux.kernel.table == table(service(), TWO)


def test_the_outcome_of_several_batches_is_that_of_all() -> None:
    rows = [real(f"10.2.{number // 200}.{number % 200 + 1}") for number in range(MAX_BATCH + 1)]
    held, bad = (1, 300), (0, 200)
    linux = FakeLinux([service(), *(rows[at] for at in held)])
    ops = add(*(row._replace(weight=-1) if at in bad else row for at, row in enumerate(rows)))
    outcome = NetlinkSession(linux.open_socket).write(ops)
    assert outcome == WriteOutcome(
        FAMILY,
        {at: refusal for at in bad if (refusal := validate(ops[at]))},
        dict.fromkeys(held, errno.EEXIST),
    )
    linux = FakeLinux([service()])
    linux.deaf = 2
    assert NetlinkSession(linux.open_socket).write(add(*rows)).lost == list(range(MIN_BATCH + 2 * MIN_BATCH))


def test_refusals_that_are_known_stay_beside_those_of_lost_ops() -> None:
    linux = FakeLinux([service(), ONE, TWO])
    made = NetlinkSession(linux.open_socket)
    ops = add(ONE, TWO._replace(weight=7), THREE)
    outcome = WriteOutcome(FAMILY, errors={0: errno.EEXIST}, lost=[1, 2])
    assert made.confirm(ops, outcome) == {0: errno.EEXIST, 1: errno.EEXIST}
    assert linux.kernel.table == table(service(), ONE, TWO, THREE)


def test_missing_and_lost_ops_are_both_written_again_for_another_family() -> None:
    linux = FakeLinux([service()])
    linux.family = 33
    made = NetlinkSession(linux.open_socket)
    ops = add(ONE, TWO, THREE)
    outcome = WriteOutcome(FAMILY, errors={0: errno.ENOENT, 2: errno.EEXIST}, lost=[1])
    assert made.confirm(ops, outcome) == {2: errno.EEXIST}
    assert linux.kernel.table == table(service(), ONE, TWO)


class RestlessLinux(FakeLinux):
    """A kernel whose family has another id each time that it was asked for, three times."""

    def _family_answer(self, message: decode.NetlinkMessage) -> bytes:
        answer = super()._family_answer(message)
        if self.family is not None and self.family < FAMILY + 3:
            self.family += 1
        return answer


def test_ops_are_written_again_for_each_id_of_the_family() -> None:
    linux = RestlessLinux([service()])
    made = NetlinkSession(linux.open_socket)
    ops = add(ONE, TWO)
    assert made.confirm(ops, made.write(ops)) == {}
    assert linux.kernel.table == table(service(), ONE, TWO)


def test_a_table_that_is_broken_many_times_is_read_within_the_deadline() -> None:
    linux = FakeLinux([service(), ONE])
    made = NetlinkSession(linux.open_socket)
    made.resolve()
    linux.mishaps.extend([interrupted, fine] * 2 * session.MIN_READS)
    assert made.read() == table(service(), ONE)


def test_services_that_keep_coming_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "READ_TIMEOUT", -1.0)
    linux = FakeLinux([service(), ONE])
    marks = count(1)
    linux.between = lambda: linux.kernel._execute(add(service(FirewallMark(next(marks))))[0])
    reason = r"^the kernel's table cannot be read: services came or went meanwhile$"
    with pytest.raises(KernelError, match=reason):
        NetlinkSession(linux.open_socket).read()


def test_dumps_are_asked_for_one_after_the_other() -> None:
    opened = Opened(FakeLinux([service(), ONE]))
    made = NetlinkSession(opened.open_socket)
    made.read()
    made.usage([WEB])
    *_, long = opened.sockets
    services = [request(FAMILY, number, 4, flags=0x300) for number in (1, 3)]
    destinations = [request(FAMILY, number, 8, service_key(WEB), 0x300) for number in (2, 4)]
    assert long.sent == [services[0], destinations[0], services[1], destinations[1]]

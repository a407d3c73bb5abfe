from __future__ import annotations

import errno

import pytest

from contract.kernel_cases import real, service
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink.batches import MAX_BATCH, MIN_BATCH, batches
from ldirectord_py.ipvs.netlink.decode import messages

FAMILY, FIRST = 30, 7


def additions(count: int) -> list[Op]:
    return [Op(Verb.ADD, real(f"10.2.{number // 200}.{number % 200 + 1}")) for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, MIN_BATCH + 1, MAX_BATCH, MAX_BATCH + 1, 3 * MAX_BATCH])
def test_each_op_has_one_message_with_its_number(count: int) -> None:
    made = list(batches(additions(count), FAMILY, FIRST))
    assert [at for each in made for at in each.positions] == list(range(count))
    numbers = [message.sequence for each in made for message in messages(each.messages)]
    assert numbers == list(range(FIRST, FIRST + count))
    assert all(each.last == each.first + len(each.positions) - 1 for each in made)


def test_batches_grow_only_where_there_are_several() -> None:
    assert [len(each.positions) for each in batches(additions(MAX_BATCH), FAMILY, FIRST)] == [MAX_BATCH]
    sizes = [len(each.positions) for each in batches(additions(3 * MAX_BATCH), FAMILY, FIRST)]
    assert sizes[:3] == [MIN_BATCH, 2 * MIN_BATCH, 4 * MIN_BATCH]
    assert max(sizes) == MAX_BATCH


def test_invalid_ops_have_no_message() -> None:
    ops = [Op(Verb.ADD, row) for row in (service(), real("10.2.0.1")._replace(weight=-1), real("10.2.0.2"))]
    (each,) = batches(ops, FAMILY, FIRST)
    assert (each.positions, each.last) == ([0, 2], FIRST + 1)
    assert {at: refused.errno for at, refused in each.invalid.items()} == {1: errno.ERANGE}
    (none,) = batches(ops[1:2], FAMILY, FIRST)
    assert none.messages == b""


def test_each_message_is_one_to_the_family_and_encoded_rows_are_as_they_are() -> None:
    bad = real("10.2.0.1")._replace(weight=-1)
    (each,) = batches([Op(Verb.ADD, real("10.2.0.2")), Op(Verb.ADD, bad)], FAMILY, FIRST, {bad: b"row!"})
    assert (each.invalid, list(each.positions), each.first) == ({}, [0, 1], FIRST)
    assert [message.kind for message in messages(each.messages)] == [FAMILY, FAMILY]
    assert each.messages.endswith(b"row!")


def test_the_positions_of_a_later_batch_are_those_among_all_ops() -> None:
    ops = additions(MAX_BATCH + 1)
    ops[MIN_BATCH + 1] = Op(Verb.ADD, real("10.2.0.1")._replace(weight=-1))
    first, second, *_ = batches(ops, FAMILY, FIRST)
    assert (list(first.positions), first.invalid) == (list(range(MIN_BATCH)), {})
    assert (list(second.positions)[:3], list(second.invalid)) == (
        [MIN_BATCH, MIN_BATCH + 2, MIN_BATCH + 3],
        [MIN_BATCH + 1],
    )
    assert second.first == FIRST + MIN_BATCH

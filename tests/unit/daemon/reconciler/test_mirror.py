"""The mirror holds what the kernel has of our services; each refusal is told once."""

from __future__ import annotations

import asyncio
import errno

import pytest

from builders import service_key
from harness.director_site import FOREIGN, destination
from harness.recording_kernel import RecordingKernel
from ldirectord_py.daemon.reconciler import mirror
from ldirectord_py.daemon.reconciler.mirror import Done, Mirror
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.netlink.encode import encode_valid
from ldirectord_py.ipvs.table import Row, Service, Table

WEB, MAIL = "10.0.0.1:80", "10.0.0.1:25"
WEB_KEY, MAIL_KEY = service_key(WEB), service_key(MAIL)
WEB_ROW, MAIL_ROW = Service(WEB_KEY, "wrr"), Service(MAIL_KEY, "wrr")
ONE, TWO, OTHER = destination(WEB, "10.1.0.1:80"), destination(WEB, "10.1.0.2:80"), destination(MAIL, "10.1.0.1:25")
WHOLE = {WEB_KEY: None}


def table(*rows: Row) -> Table:
    return {row.key: row for row in rows}


async def read(*rows: Row) -> tuple[MemoryKernel, Mirror]:
    """Return a kernel with a foreign row and these, and a mirror of both services that has read it."""
    kernel = MemoryKernel([FOREIGN, *rows])
    made = Mirror(kernel)
    await made.read([WEB_KEY, MAIL_KEY])
    return kernel, made


async def test_a_read_returns_the_services_that_differ_as_they_were_and_as_they_are() -> None:
    kernel = MemoryKernel([WEB_ROW, ONE, FOREIGN, MAIL_ROW, OTHER])
    made = Mirror(kernel)
    assert await made.read([WEB_KEY, MAIL_KEY]) == {
        WEB_KEY: ({}, table(WEB_ROW, ONE)),
        MAIL_KEY: ({}, table(MAIL_ROW, OTHER)),
    }
    assert await made.read([WEB_KEY, MAIL_KEY]) == {}
    await kernel.apply([Op(Verb.ADD, TWO), Op(Verb.DELETE, MAIL_ROW)])
    assert await made.read([WEB_KEY, MAIL_KEY]) == {
        WEB_KEY: (table(WEB_ROW, ONE), table(WEB_ROW, ONE, TWO)),
        MAIL_KEY: (table(MAIL_ROW, OTHER), {}),
    }
    assert (list(made.services), made.rows(WEB_KEY), made.rows(MAIL_KEY)) == (
        [WEB_KEY],
        table(WEB_ROW, ONE, TWO),
        {},
    )


async def test_many_services_are_compared_with_pauses() -> None:
    keys = [service_key(f"10.0.1.{number}:80") for number in range(2 * mirror.BATCH_SERVICES + 1)]
    rows = [Service(key, "wrr") for key in keys]
    differing = await Mirror(MemoryKernel(rows)).read(keys)
    assert list(differing) == keys


@pytest.mark.parametrize(
    ("services", "expected"),
    [(mirror.BATCH_SERVICES - 1, 0), (mirror.BATCH_SERVICES, 1), (2 * mirror.BATCH_SERVICES, 2)],
)
async def test_other_tasks_run_while_many_services_are_compared(services: int, expected: int) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(turn())
    await Mirror(MemoryKernel()).read([service_key(f"10.0.1.{number}:80") for number in range(services)])
    assert turns == expected
    task.cancel()


async def test_what_is_written_is_held_and_returned_with_the_row_before() -> None:
    kernel, made = await read(WEB_ROW, ONE)
    heavy = ONE._replace(weight=7)
    done, refused = await made.write(table(WEB_ROW, TWO, heavy), WHOLE)
    assert (set(done), refused) == ({Done(Op(Verb.ADD, TWO), None), Done(Op(Verb.EDIT, heavy), ONE)}, [])
    assert made.rows(WEB_KEY) == table(WEB_ROW, heavy, TWO)
    assert dict(kernel.table) == table(FOREIGN, WEB_ROW, heavy, TWO)
    kernel.broken = KernelError("nothing has to be written")
    assert await made.write(table(WEB_ROW, TWO, heavy), WHOLE) == ([], [])


async def test_only_what_is_within_the_scopes_is_written() -> None:
    kernel, made = await read(WEB_ROW, ONE, TWO, MAIL_ROW, OTHER)
    done, _ = await made.write(table(WEB_ROW), {WEB_KEY: {TWO.key: None}})
    assert done == [Done(Op(Verb.DELETE, TWO), TWO)]
    assert made.rows(WEB_KEY) == table(WEB_ROW, ONE)
    assert made.rows(MAIL_KEY) == table(MAIL_ROW, OTHER)
    assert dict(kernel.table) == table(FOREIGN, WEB_ROW, ONE, MAIL_ROW, OTHER)


async def test_a_service_that_is_deleted_takes_its_destinations_along_which_are_told_first() -> None:
    _, made = await read(WEB_ROW, ONE, TWO, MAIL_ROW)
    done, _ = await made.write({}, WHOLE)
    assert done == [Done(Op(Verb.DELETE, row), row) for row in (ONE, TWO, WEB_ROW)]
    assert list(made.services) == [MAIL_KEY]


async def test_all_that_is_deleted_is_returned() -> None:
    _, made = await read(WEB_ROW, ONE, TWO)
    done, _ = await made.write(table(WEB_ROW), WHOLE)
    assert set(done) == {Done(Op(Verb.DELETE, row), row) for row in (ONE, TWO)}


async def test_services_that_are_as_wanted_are_left_alone() -> None:
    _, made = await read(WEB_ROW, ONE, MAIL_ROW, OTHER)
    both = {WEB_KEY: None, MAIL_KEY: None}
    assert await made.write(table(WEB_ROW, ONE, MAIL_ROW, OTHER), both) == ([], [])


async def test_a_service_is_added_with_its_destinations() -> None:
    _, made = await read()
    done, _ = await made.write(table(WEB_ROW, ONE), WHOLE)
    assert done == [Done(Op(Verb.ADD, WEB_ROW), None), Done(Op(Verb.ADD, ONE), None)]
    assert made.rows(WEB_KEY) == table(WEB_ROW, ONE)


async def test_a_refusal_is_told_once_until_its_errno_changes_or_it_is_over() -> None:
    kernel, made = await read(WEB_ROW)
    wanted = table(WEB_ROW, ONE, TWO)

    async def told(error: int | None) -> list[int]:
        kernel.refusing = {} if error is None else {ONE.key: error}
        _, refused = await made.write(wanted, WHOLE)
        return [each.errno for each in refused]

    assert [await told(error) for error in (errno.ENOMEM, errno.ENOMEM, errno.EINVAL)] == [
        [errno.ENOMEM],
        [],
        [errno.EINVAL],
    ]
    assert (list(made.refused), made.rows(WEB_KEY)) == ([WEB_KEY], table(WEB_ROW, TWO))
    assert (await told(None), list(made.refused)) == ([], [])
    assert made.rows(WEB_KEY) == wanted
    await kernel.apply([Op(Verb.DELETE, ONE)])
    await made.read([WEB_KEY])
    assert await told(errno.EINVAL) == [errno.EINVAL]


async def test_the_consequences_of_a_refused_service_are_not_told() -> None:
    kernel, made = await read()
    kernel.refusing = {WEB_KEY: errno.ENOENT}
    done, refused = await made.write(table(WEB_ROW, ONE, MAIL_ROW), {WEB_KEY: None, MAIL_KEY: None})
    assert [each.op.row.key for each in refused] == [WEB_KEY]
    assert [each.op.row.key for each in done] == [MAIL_KEY]
    assert (list(made.refused), list(made.services)) == ([WEB_KEY], [MAIL_KEY])


async def test_refusals_of_other_scopes_stay() -> None:
    kernel, made = await read(WEB_ROW, MAIL_ROW)
    kernel.refusing = {ONE.key: errno.ENOMEM, OTHER.key: errno.ENOMEM}
    both = {WEB_KEY: None, MAIL_KEY: None}
    _, refused = await made.write(table(WEB_ROW, ONE, MAIL_ROW, OTHER), both)
    assert len(refused) == 2
    kernel.refusing = {}
    await made.write(table(WEB_ROW, ONE), WHOLE)
    assert list(made.refused) == [MAIL_KEY]
    await made.write(table(MAIL_ROW), {MAIL_KEY: {destination(MAIL, "10.1.0.9:25").key: None}})
    assert list(made.refused) == [MAIL_KEY]


async def test_a_service_that_is_ours_no_more_is_forgotten_with_its_refusals() -> None:
    kernel, made = await read(WEB_ROW, MAIL_ROW)
    kernel.refusing = {ONE.key: errno.ENOMEM, OTHER.key: errno.ENOMEM}
    await made.write(table(WEB_ROW, ONE, MAIL_ROW, OTHER), {WEB_KEY: None, MAIL_KEY: None})
    made.discard(WEB_KEY)
    made.discard(WEB_KEY)
    assert (list(made.services), list(made.refused)) == ([MAIL_KEY], [MAIL_KEY])


async def test_encoded_rows_reach_the_kernel() -> None:
    made = Mirror(kernel := RecordingKernel())
    encoded = encode_valid([WEB_ROW])
    await made.write(table(WEB_ROW), WHOLE, encoded)
    assert kernel.encoded is encoded


async def test_the_connections_are_those_of_the_kernel() -> None:
    kernel, made = await read(WEB_ROW, ONE, MAIL_ROW, OTHER)
    kernel.connected = {ONE.key: 3, OTHER.key: 4}
    assert await made.connections([WEB_KEY]) == {ONE.key: 3}

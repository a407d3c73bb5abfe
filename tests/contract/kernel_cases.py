"""What every kernel does with a table: the same cases for the one in memory and for Linux."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address

from contract.saved_table import parse
from ldirectord_py.ipvs.diff import Op, Verb, diff
from ldirectord_py.ipvs.kernel import Kernel
from ldirectord_py.ipvs.table import (
    NO_FLAGS,
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    ServiceKey,
    Table,
    VirtualAddress,
)

WEB = VirtualAddress(Protocol.TCP, ip_address("10.0.0.1"), 80)
DNS6 = VirtualAddress(Protocol.UDP, ip_address("2001:db8::1"), 53)
MARK = FirewallMark(7)
MARK6 = FirewallMark(7, ipv6=True)


def service(key: ServiceKey = WEB, scheduler: str = "wrr", flags: ServiceFlag = NO_FLAGS) -> Service:
    """Return a service row; the mask is that of its family."""
    return Service(key, scheduler, flags, mask=128 if key.ipv6 else 0xFFFFFFFF)


def persistent(row: Service, engine: str = "", mask: int | None = None) -> Service:
    """Return the row with persistence of 300 s."""
    mask = row.mask if mask is None else mask
    return replace(row, flags=row.flags | ServiceFlag.PERSISTENT, persistence=300, engine=engine, mask=mask)


def real(
    address: str,
    weight: int = 1,
    *,
    of: ServiceKey = WEB,
    port: int = 80,
    forward: ForwardMethod = ForwardMethod.MASQUERADE,
) -> Destination:
    """Return a destination row."""
    return Destination(DestinationKey(of, ip_address(address), port), forward, weight)


def add(*rows: Row) -> list[Op]:
    """Return the ops that add the rows."""
    return [Op(Verb.ADD, row) for row in rows]


def edit(*rows: Row) -> list[Op]:
    """Return the ops that edit the rows."""
    return [Op(Verb.EDIT, row) for row in rows]


def delete(*rows: Row) -> list[Op]:
    """Return the ops that delete the rows."""
    return [Op(Verb.DELETE, row) for row in rows]


def table(*rows: Row) -> Table:
    """Return the table of the rows."""
    return {row.key: row for row in rows}


@dataclass(frozen=True, slots=True)
class Case:
    """Batches written one after the other, the refusals of all of them, and the table in the end."""

    name: str
    batches: Sequence[Sequence[Op]]
    expected: Table
    refused: Sequence[tuple[Row, int]] = ()


EVERY_SORT = parse("""
    -A -t 10.0.0.1:0 -s rr -p 360 -M 255.255.255.0
    -A -t 10.0.0.1:80 -s wrr
    -a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 1
    -a -t 10.0.0.1:80 -r 10.1.0.2:8080 -m -w 65535 -x 100 -y 50
    -a -t 10.0.0.1:80 -r 10.1.0.3:80 -i -w 0
    -a -t 10.0.0.1:80 -r 127.0.0.1:80 -g -w 0
    -A -u 10.0.0.1:53 -s sh -o -b sh-fallback,sh-port
    -A -u 10.0.0.2:53 -s mh -p 50 -b mh-fallback,mh-port
    -A -u 10.0.0.3:5060 -s rr -p 60 --pe sip -o
    -A -u 10.0.0.5:53 -s rr -b flag-3
    -A -u 10.0.0.6:53 -s ovf
    -A --sctp-service 10.0.0.1:80 -s wrr
    -a --sctp-service 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1
    -A -t [2001:db8::1]:443 -s wlc -p 360 -M 64
    -a -t [2001:db8::1]:443 -r 10.9.0.1:443 -i -w 1
    -a -t [2001:db8::1]:443 -r [2001:db8::10]:443 -m -w 1 -x 5 -y 5
    -a -t [2001:db8::1]:443 -r [2001:db8:1111:2222:3333:4444:5555:6666]:4430 -m -w 1
    -A -f 1 -s wlc
    -a -f 1 -r 10.1.0.1:0 -g -w 1
    -A -f 1 -6 -s wlc -p 5
    -a -f 1 -6 -r [2001:db8::10]:0 -g -w 1
    -A -f 2147483647 -s wlc
""")

BAD_ADDRESSES = [real(address) for address in ("224.0.0.1", "255.255.255.255", str(IPv4Address(0)))] + [
    real(address, of=DNS6) for address in ("ff02::1", "fe80::1", "::")
]

MANY = [
    Destination(DestinationKey(WEB, IPv4Address("10.2.0.0") + n, 80), ForwardMethod.MASQUERADE, n)
    for n in range(1, 701)
]

CASES = [
    Case("every sort of row", [diff({}, EVERY_SORT)], EVERY_SORT),
    Case("a table goes", [diff({}, EVERY_SORT), diff(EVERY_SORT, {})], {}),
    Case(
        "a service is edited in place and keeps its destinations",
        [
            add(service(), real("10.1.0.1")),
            edit(persistent(service(scheduler="lc"), mask=0xFFFF0000)),
        ],
        table(persistent(service(scheduler="lc"), mask=0xFFFF0000), real("10.1.0.1")),
    ),
    Case(
        "flags are set and cleared",
        [
            add(service(DNS6, "sh", ServiceFlag.SCHED_1 | ServiceFlag.ONE_PACKET)),
            edit(service(DNS6, "sh", ServiceFlag.SCHED_2)),
            add(service(MARK, "sh", ServiceFlag.SCHED_3)),
            edit(service(MARK, "sh", NO_FLAGS)),
        ],
        table(service(DNS6, "sh", ServiceFlag.SCHED_2), service(MARK, "sh")),
    ),
    Case(
        "a persistence engine comes and goes",
        [
            add(persistent(service(DNS6), "sip"), persistent(service(MARK))),
            edit(persistent(service(DNS6)), persistent(service(MARK), "sip")),
        ],
        table(persistent(service(DNS6)), persistent(service(MARK), "sip")),
    ),
    Case(
        "a destination is edited in place",
        [
            add(service(), real("10.1.0.1")),
            edit(real("10.1.0.1", 7, forward=ForwardMethod.TUNNEL)._replace(upper=9, lower=3)),
        ],
        table(service(), real("10.1.0.1", 7, forward=ForwardMethod.TUNNEL)._replace(upper=9, lower=3)),
    ),
    Case(
        "a mark is one of each family",
        [add(service(MARK), service(MARK6), real("2001:db8::9", of=MARK6)), delete(service(MARK))],
        table(service(MARK6), real("2001:db8::9", of=MARK6)),
    ),
    Case(
        "an unknown scheduler degrades its service only",
        [
            add(service(MARK), service(scheduler="nosuch"), real("10.1.0.1"), real("10.1.0.2", of=MARK)),
        ],
        table(service(MARK), real("10.1.0.2", of=MARK)),
        [(service(scheduler="nosuch"), errno.ENOENT), (real("10.1.0.1"), errno.ESRCH)],
    ),
    Case(
        "an unknown scheduler or engine leaves the service as it is",
        [add(service()), edit(service(scheduler="nosuch")), edit(persistent(service(), "nosuch"))],
        table(service()),
        [
            (service(scheduler="nosuch"), errno.ENOENT),
            (persistent(service(), "nosuch"), errno.ENOENT),
        ],
    ),
    Case(
        "what is there is not added again",
        [add(service(), real("10.1.0.1")), add(service(scheduler="rr"), real("10.1.0.1", 5))],
        table(service(), real("10.1.0.1")),
        [(service(scheduler="rr"), errno.EEXIST), (real("10.1.0.1", 5), errno.EEXIST)],
    ),
    Case(
        "what is not there is neither edited nor deleted",
        [
            add(service()),
            [*edit(service(MARK), real("10.1.0.1"), real("10.1.0.1", of=MARK))],
            [*delete(service(MARK), real("10.1.0.1"), real("10.1.0.1", of=MARK))],
        ],
        table(service()),
        [(service(MARK), errno.ESRCH), (real("10.1.0.1"), errno.ENOENT), (real("10.1.0.1", of=MARK), errno.ESRCH)] * 2,
    ),
    Case(
        "addresses that no server has",
        [add(service(), service(DNS6), *BAD_ADDRESSES, real("10.1.0.1"))],
        table(service(), service(DNS6), real("10.1.0.1")),
        [(row, errno.EINVAL) for row in BAD_ADDRESSES],
    ),
    Case(
        "a destination of the other family goes by tunnel only",
        [add(service(), real("2001:db8::9"), real("2001:db8::9", forward=ForwardMethod.TUNNEL))],
        table(service(), real("2001:db8::9", forward=ForwardMethod.TUNNEL)),
        [(real("2001:db8::9"), errno.EINVAL)],
    ),
    Case(
        "nonsense that Linux would take",
        [
            add(
                service(FirewallMark(0)),
                service(WEB._replace(port=0)),
                service(),
                real("10.1.0.1", forward=ForwardMethod.BYPASS),
                real("10.1.0.1", -1),
                real("10.1.0.1")._replace(lower=2, upper=1),
                real("10.1.0.1"),
            )
        ],
        table(service(), real("10.1.0.1")),
        [
            (service(FirewallMark(0)), errno.EINVAL),
            (service(WEB._replace(port=0)), errno.EINVAL),
            (real("10.1.0.1", forward=ForwardMethod.BYPASS), errno.EINVAL),
            (real("10.1.0.1", -1), errno.ERANGE),
            (real("10.1.0.1")._replace(lower=2, upper=1), errno.ERANGE),
        ],
    ),
    Case(
        "many destinations, each refusal with its op",
        [add(service(), *MANY), add(*MANY[::2]) + edit(*MANY[1::2])],
        table(service(), *MANY),
        [(row, errno.EEXIST) for row in MANY[::2]],
    ),
    Case(
        "many destinations go",
        [add(service(), *MANY), delete(*MANY[:650])],
        table(service(), *MANY[650:]),
    ),
]


async def hold(kernel: Kernel, case: Case) -> None:
    """Assert that the kernel, empty before, does what the case says."""
    refusals = [one for ops in case.batches for one in await kernel.apply(ops)]
    assert list(case.refused) == [(one.op.row, one.errno) for one in refusals]
    assert case.expected == await kernel.read()

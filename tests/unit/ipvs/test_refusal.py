"""Refusals: nonsense stops here, and every errno has words that tell what to do."""

from __future__ import annotations

import errno
from ipaddress import ip_address

import pytest

from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.refusal import refused, validate
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    VirtualAddress,
)

VIP = ip_address("10.0.0.1")
KEY = VirtualAddress(Protocol.TCP, VIP, 80)
KEY6 = VirtualAddress(Protocol.TCP, ip_address("2001:db8::1"), 80)
REAL = DestinationKey(KEY, ip_address("10.1.0.1"), 80)
PERSISTENT = ServiceFlag.PERSISTENT

NONSENSE: list[tuple[Row, int, str]] = [
    (
        Service(FirewallMark(0), "wrr"),
        errno.EINVAL,
        "firewall mark 0 is out of range: use 1 to 4294967295",
    ),
    (
        Service(VirtualAddress(Protocol.TCP, VIP, 0), "wrr"),
        errno.EINVAL,
        "a service on port 0 (every port) must be persistent: add a persistence timeout",
    ),
    (
        Service(VirtualAddress(Protocol.TCP, VIP, 65536), "wrr"),
        errno.EINVAL,
        "port 65536 is out of range: use 0 to 65535",
    ),
    (
        Service(KEY, "wrr", PERSISTENT),
        errno.ERANGE,
        "persistence of 0 s is out of range: use 1 to 2678400",
    ),
    (
        Service(KEY6, "wrr", PERSISTENT, 300, 129),
        errno.EINVAL,
        "IPv6 prefix length 129 is out of range: use 1 to 128",
    ),
    (
        Service(KEY, ""),
        errno.EINVAL,
        "'' cannot be the name of a scheduler: use one such as wrr",
    ),
    (
        Service(KEY, "wrr", engine="a-name-too-long-for-linux"),
        errno.EINVAL,
        "'a-name-too-long-for-linux' cannot be the name of a persistence engine: use one such as sip",
    ),
    (
        Destination(REAL, ForwardMethod.BYPASS, 1),
        errno.EINVAL,
        "forwarding method bypass is internal to the kernel: use route, masquerade or tunnel",
    ),
    (
        Destination(REAL, ForwardMethod.ROUTE, -1),
        errno.ERANGE,
        "weight -1 is out of range: use 0 to 2147483647",
    ),
    (
        Destination(REAL, ForwardMethod.ROUTE, 1, upper=5, lower=6),
        errno.ERANGE,
        "thresholds 6 and 5 are out of range: the lower must not exceed the upper",
    ),
    (
        Destination(DestinationKey(KEY6, ip_address("10.1.0.1"), 80), ForwardMethod.MASQUERADE, 1),
        errno.EINVAL,
        "an address of another family than the service's needs forwarding by tunnel (ipip)",
    ),
]


@pytest.mark.parametrize(("row", "error", "reason"), NONSENSE, ids=[case[2][:30] for case in NONSENSE])
def test_nonsense_is_refused_before_it_reaches_the_kernel(row: Row, error: int, reason: str) -> None:
    found = validate(Op(Verb.ADD, row))
    assert found is not None
    assert (error, reason) == (found.errno, found.reason)


def test_what_somebody_else_set_can_be_deleted() -> None:
    port_zero = Service(VirtualAddress(Protocol.TCP, VIP, 0), "wrr")
    assert validate(Op(Verb.DELETE, port_zero)) is None


REASONS: list[tuple[Row, int, str]] = [
    (
        Service(KEY, "foo"),
        errno.ENOENT,
        "scheduler foo is not available: modprobe ip_vs_foo",
    ),
    (
        Service(KEY, "rr", engine="sip"),
        errno.ENOENT,
        "scheduler rr or persistence engine sip is not available: modprobe -a ip_vs_rr ip_vs_pe_sip",
    ),
    (
        Destination(REAL, ForwardMethod.ROUTE, 1),
        errno.ESRCH,
        "its service is not in the kernel's table: it was refused or removed",
    ),
    (
        Destination(DestinationKey(KEY, ip_address("224.0.0.1"), 80), ForwardMethod.ROUTE, 1),
        errno.EINVAL,
        (
            "the kernel rejects 224.0.0.1 as a destination: use a unicast address that is not link-local,"
            " and check that the interface lo is up"
        ),
    ),
    (Service(KEY, "rr"), errno.EPERM, "not permitted: run as root or with CAP_NET_ADMIN"),
    (Service(KEY, "rr"), errno.EIO, "the kernel answered EIO: see dmesg"),
    (Service(KEY, "rr"), 4000, "the kernel answered 4000: see dmesg"),
]


@pytest.mark.parametrize(("row", "error", "reason"), REASONS, ids=[case[2][:30] for case in REASONS])
def test_a_refusal_says_what_to_do(row: Row, error: int, reason: str) -> None:
    assert reason == refused(Op(Verb.ADD, row), error).reason

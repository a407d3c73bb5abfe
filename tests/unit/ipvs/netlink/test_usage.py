"""Weights and connections in dumps, in the layout of today's kernels and in any other."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from builders import service_key
from contract.fake_linux import dumped_destination, packed
from harness.fakes.mutants import mutants
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink import uapi
from ldirectord_py.ipvs.netlink.usage import usage
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Usage

OWNER = service_key("10.0.0.1:80")
ROWS = [
    Destination(DestinationKey(OWNER, ip_address("10.1.0.1"), 80), ForwardMethod.MASQUERADE, 2, 100, 50),
    Destination(DestinationKey(OWNER, ip_address("2001:db8::1"), 8080), ForwardMethod.TUNNEL, 0),
]
USED = [Usage(2, 1, 20, 300), Usage(0, 4_000_000_000, 0, 0)]
EXPECTED = [(row.key, used) for row, used in zip(ROWS, USED, strict=True)]


def bodies() -> list[bytes]:
    return [
        dumped_destination(row, (used.active, used.inactive, used.persistent))
        for row, used in zip(ROWS, USED, strict=True)
    ]


def chunk(found: Sequence[bytes], sequence: int = 7) -> bytes:
    return b"".join(packed(30, sequence, body, uapi.NLM_F_MULTI) for body in found)


def test_the_layout_of_today_and_a_shorter_one_say_the_same() -> None:
    assert usage(OWNER, chunk(bodies()), 7) == (EXPECTED, False)
    shorter = [body[:4] + uapi.NLATTR.pack(len(body) - 4 - 0x7C, 2) + body[8:-0x7C] for body in bodies()]
    assert usage(OWNER, chunk(shorter), 7) == (EXPECTED, False)


def test_rows_of_another_dump_do_not_count_and_the_end_is_told() -> None:
    assert usage(OWNER, chunk(bodies(), sequence=6), 7) == ([], False)
    end = packed(uapi.NLMSG_DONE, 7, bytes(4), uapi.NLM_F_MULTI)
    assert usage(OWNER, chunk(bodies()) + end, 7) == (EXPECTED, True)
    assert usage(OWNER, b"", 7) == ([], False)


def test_a_refusal_as_long_as_a_row_is_no_row() -> None:
    error = packed(uapi.NLMSG_ERROR, 7, (-1).to_bytes(4, "little", signed=True) + bytes(336), uapi.NLM_F_MULTI)
    with pytest.raises(KernelError):
        usage(OWNER, error, 7)


def test_whatever_the_kernel_sends_is_read_or_an_error() -> None:
    for data in mutants([chunk(bodies())], 500):
        try:
            found, _ = usage(OWNER, data, 7)
        except KernelError:
            continue
        assert len(found) <= len(data)

"""Weights and connections in dumps, in the layout of today's kernels and in any other."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from builders import service_key
from contract.fake_linux import dumped_destination, packed
from harness.fakes.mutants import mutants
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink import decode, uapi
from ldirectord_py.ipvs.netlink import usage as usage_module
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


def by_attributes(data: bytes) -> object:
    """Return what the attributes say of the rows, or the class of the KernelError."""
    try:
        found, done = decode.dumped(data, 7)
        rows = [(decode.destination(each, OWNER), each) for each in found]
        counts = [(row.key, Usage(*decode.destination_numbers(each, (4, 7, 8, 9)))) for row, each in rows if row]
    except KernelError as error:
        return type(error)
    return counts, done


def by_usage(data: bytes) -> object:
    try:
        return usage(OWNER, data, 7)
    except KernelError as error:
        return type(error)


def test_todays_layout_is_read_at_fixed_offsets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("attributes are read one by one")

    monkeypatch.setattr(usage_module, "dumped", refuse)
    assert usage(OWNER, chunk(bodies()), 7) == (EXPECTED, False)


HEADS = (24, 44, 60, 108, 116, 124, 132)
"""Where the attributes begin that are read at fixed offsets; 22 is the kind of the attribute around them."""


@pytest.mark.parametrize("at", [*range(16), 22, 23, *(head + byte for head in HEADS for byte in range(4))])
@pytest.mark.parametrize("change", [0x01, 0x02, 0x80])
def test_another_header_or_attribute_gives_what_the_attributes_say(at: int, change: int) -> None:
    data = bytearray(chunk(bodies()))
    data[at] ^= change
    assert by_usage(bytes(data)) == by_attributes(bytes(data))

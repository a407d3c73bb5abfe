"""The read-only table: no message that writes is sent."""

from __future__ import annotations

import struct

import pytest

from contract.fake_linux import FakeLinux
from contract.kernel_cases import EVERY_SORT
from ldirectord_py.errors import KernelError, NoTableError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.netlink import uapi
from ldirectord_py.ipvs.netlink.encode import batch, request
from ldirectord_py.ipvs.netlink.read_only import ReadOnlySocket, read_only_kernel
from ldirectord_py.ipvs.netlink.session import NetlinkSession
from ldirectord_py.ipvs.table import Service, service_of

FAMILY = 30
READS = {uapi.IPVS_CMD_GET_SERVICE, uapi.IPVS_CMD_GET_DEST}
OPS = [Op(verb, row) for verb in Verb for row in EVERY_SORT.values()]


class RecordingSocket:
    """Keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, data: bytes, /) -> int:
        self.sent.append(data)
        return len(data)

    def recv(self, size: int, /) -> bytes:
        return bytes(size)

    def close(self) -> None:
        pass


def sends(data: bytes) -> bool:
    """Return whether a read-only socket sends these messages; KernelError if it does not."""
    recording = RecordingSocket()
    try:
        ReadOnlySocket(recording).send(data)
    except KernelError:
        assert recording.sent == []
        return False
    assert recording.sent == [data]
    return True


def test_of_the_commands_of_ipvs_only_two_are_sent() -> None:
    assert {command for command in range(256) if sends(request(FAMILY, 1, command, b""))} == READS


def test_of_the_controller_only_the_family_is_asked() -> None:
    sent = {command for command in range(256) if sends(request(uapi.GENL_ID_CTRL, 1, command, b""))}
    assert sent == {uapi.CTRL_CMD_GETFAMILY}


@pytest.mark.parametrize("op", OPS, ids=lambda op: f"{op.verb} {op.row.key}")
def test_no_op_is_sent_alone_or_among_reads(op: Op) -> None:
    writes = batch([op], FAMILY, 7)
    read = request(FAMILY, 1, uapi.IPVS_CMD_GET_SERVICE, b"")
    assert not any(sends(data) for data in (writes, read + writes, writes + read, read + writes[:-1]))


@pytest.mark.parametrize("data", [b"\0", bytes(16), bytes(20), request(FAMILY, 1, 4, b"")[:-1]])
def test_what_is_no_whole_message_is_not_sent(data: bytes) -> None:
    assert not sends(data)


async def test_the_table_is_read_and_never_written() -> None:
    linux = FakeLinux(EVERY_SORT.values())
    kernel = read_only_kernel(linux.open_socket)
    assert dict(EVERY_SORT) == await kernel.read()
    assert {service_of(key) for key in await kernel.connections([*map(service_of, EVERY_SORT)])}
    for op in OPS:
        with pytest.raises(KernelError, match=r"^this process only reads the kernel's table$"):
            await kernel.apply([op])
    session = NetlinkSession(lambda: ReadOnlySocket(linux.open_socket()))
    with pytest.raises(KernelError, match=r"^this process only reads the kernel's table$"):
        session.write([Op(Verb.DELETE, next(row for row in EVERY_SORT.values() if isinstance(row, Service)))])
    assert dict(EVERY_SORT) == await kernel.read()
    await kernel.aclose()


async def test_no_module_is_loaded() -> None:
    linux = FakeLinux()
    linux.family = None
    with pytest.raises(NoTableError, match=r"no IPVS \(the module ip_vs is not loaded\):"):
        await read_only_kernel(linux.open_socket).read()


def test_what_is_received_has_the_size_that_was_asked_for() -> None:
    assert ReadOnlySocket(RecordingSocket()).recv(7) == bytes(7)


READ = request(FAMILY, 1, uapi.IPVS_CMD_GET_SERVICE)
ODD = request(FAMILY, 2, uapi.IPVS_CMD_GET_DEST, b"a") + b"\0\0\0"  # padded to four bytes
WRITE = request(FAMILY, 3, uapi.IPVS_CMD_DEL_SERVICE)


def test_reads_of_any_length_are_sent_together() -> None:
    assert sends(READ + ODD + READ + ODD)


@pytest.mark.parametrize(
    "data",
    [
        READ + READ + WRITE,
        ODD + WRITE,
        READ + ODD + WRITE + READ,
        # The command 3 asks the controller for a family, and deletes a service of IPVS.
        request(uapi.GENL_ID_CTRL, 1, uapi.CTRL_CMD_GETFAMILY) + WRITE,
        READ + ODD[:20],
        READ + bytes(4),
        # A header alone, and a message whose first byte would be a command that reads.
        struct.pack("=IHHII", 16, FAMILY, 1, 1, 0) + request(FAMILY, 2, uapi.IPVS_CMD_GET_DEST, bytes(244)),
    ],
)
def test_any_message_that_does_not_read_keeps_all_from_being_sent(data: bytes) -> None:
    assert not sends(data)

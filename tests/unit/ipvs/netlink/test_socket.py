"""NetlinkSocket: answers of the kernel alone, whole or not at all."""

from __future__ import annotations

import socket

import pytest

from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.netlink.socket import PAGE_READ, AnswerDroppedError, AnswerLostError, NetlinkSocket, open_socket


def test_no_other_process_can_answer() -> None:
    opened, other = open_socket(), open_socket()
    assert isinstance(opened, socket.socket)
    assert isinstance(other, socket.socket)
    with opened, other, pytest.raises((ConnectionRefusedError, PermissionError)):
        other.sendto(b"an answer", opened.getsockname())


@pytest.mark.parametrize(
    ("answer", "error"),
    [(b"", AnswerDroppedError), (bytes(PAGE_READ), AnswerDroppedError), (None, AnswerLostError)],
)
def test_a_truncated_or_missing_answer_raises(answer: bytes | None, error: type[KernelError]) -> None:
    class TruncatingSocket:
        def send(self, data: bytes, /) -> int:
            return len(data)

        def recv(self, _: int, /) -> bytes:
            if answer is None:
                raise BlockingIOError
            return answer

        def close(self) -> None:
            pass

    with pytest.raises(error):
        NetlinkSocket(TruncatingSocket()).receive()

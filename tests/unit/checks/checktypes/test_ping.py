from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from harness.fakes.mutants import mutants
from ldirectord_py.address import Address
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.checktypes import ping
from ldirectord_py.checks.probe import probe
from ldirectord_py.health import Verdict

V4 = ip_address("192.0.2.1")
V6 = ip_address("2001:db8::1")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The other end of what the ping takes for a raw ICMP socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    monkeypatch.setattr("ldirectord_py.checks.checktypes.ping._open_socket", lambda _: (Connected(ours.detach()), True))
    theirs.setblocking(False)
    with theirs:
        yield theirs


class Connected(socket.socket):
    """A socket that is connected already."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(fileno=descriptor)
        self.setblocking(False)

    def connect(self, address: object, /) -> None:
        pass


async def pinged(
    wire: socket.socket, *replies: tuple[int, bytes], address: object = V6, attempts: int = 1, seconds: float = 0.3
) -> tuple[Verdict, str, list[bytes]]:
    """Answer the first echo with it, changed at one place each time, and return what the ping says and sent."""
    target = Target(ip_address(str(address)), 0, seconds, attempts=attempts)
    task = asyncio.create_task(probe(ping.check, target))
    echo = await asyncio.get_running_loop().sock_recv(wire, 1500)
    for at, changed in replies:
        reply = bytearray(b"\x81" + echo[1:])
        reply[at : at + len(changed)] = changed
        wire.send(reply)
    result = await task
    assert result.code == ("L4OK" if result.verdict is Verdict.UP else "L4TOUT")
    echoes = [echo]
    while True:
        try:
            echoes.append(wire.recv(1500))
        except BlockingIOError:
            return result.verdict, result.reason, echoes


async def test_the_reply_to_our_echo_is_up(wire: socket.socket) -> None:
    verdict, reason, [echo] = await pinged(wire, (0, b"\x81"))
    assert (verdict, reason) == (Verdict.UP, "echo reply")
    assert (echo[:2], echo[6:8], len(echo)) == (b"\x80\x00", b"\x00\x01", 24)


@pytest.mark.parametrize(
    ("at", "changed"),
    [
        (0, b"\x80"),  # an echo, not a reply
        (0, b"\x01"),  # unreachable
        (1, b"\x01"),  # a code that replies do not have
        (4, b"\xff\xff\x00\x01"),  # the identifier of another, but for one time in 65536
        (6, b"\x00\x02"),  # an echo that we have not sent
        (8, b"stranger's data!"),
    ],
)
async def test_other_packets_are_ignored(wire: socket.socket, at: int, changed: bytes) -> None:
    verdict, reason, _ = await pinged(wire, (at, changed), seconds=0.1)
    assert (verdict, reason) == (Verdict.DOWN, "no answer within 0.1 s (no echo reply)")


async def test_F7_a_strangers_reply_does_not_hide_ours(wire: socket.socket) -> None:
    assert (await pinged(wire, (8, b"x" * 16), (0, b"\x81")))[0] is Verdict.UP


async def test_attempts_share_the_timeout(wire: socket.socket) -> None:
    verdict, reason, echoes = await pinged(wire, attempts=3)
    assert (verdict, reason) == (Verdict.DOWN, "no answer within 0.3 s (no echo reply)")
    assert [echo[6:8] for echo in echoes] == [b"\x00\x01", b"\x00\x02", b"\x00\x03"]


async def test_an_ipv4_reply_comes_with_its_ip_header(wire: socket.socket) -> None:
    target = Target(V4, 0, 5.0)
    task = asyncio.create_task(probe(ping.check, target))
    echo = await asyncio.get_running_loop().sock_recv(wire, 1500)
    words = [int.from_bytes(echo[at : at + 2]) for at in range(0, len(echo), 2)]
    assert sum(words) % 0xFFFF == 0  # the checksum is right
    for packet in (b"", b"\x4f", bytes(20), b"\x46" + bytes(23) + b"\x00" + echo[1:]):
        wire.send(packet)
    assert (await task).verdict is Verdict.UP


@pytest.mark.slow
@pytest.mark.parametrize("address", [V4, V6])
def test_of_all_that_comes_only_the_reply_with_our_data_counts(wire: socket.socket, address: Address) -> None:
    echo = ping.Echo(address)
    request = echo._request(3)
    header, reply = (b"\x45" + bytes(19), b"\x00") if address.version == 4 else (b"", b"\x81")
    good = header + reply + request[1:]
    assert echo._answers(good, 3)
    for packet in mutants([good, header + request, good[:-1], b"\x4f" + good[1:]], 20_000):
        if echo._answers(packet, 3):
            start = (packet[0] & 15) * 4 if address.version == 4 else 0
            assert (packet[start : start + 2], packet[start + 8 :]) == (reply + b"\x00", request[8:])
    echo.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_this_host_answers(address: str) -> None:
    result = await probe(ping.check, Target(ip_address(address), 0, 10.0))
    if os.geteuid() == 0:
        assert (result.verdict, result.reason) == (Verdict.UP, "echo reply")
    else:
        assert result.verdict in {Verdict.UP, Verdict.NONE}

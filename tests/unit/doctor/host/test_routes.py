"""Links and routes as pyroute2 gives them; tests/kernel/test_doctor.py asks real kernels."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Self

import pytest
from pyroute2.netlink.exceptions import NetlinkError

from ldirectord_py.doctor.facts import UNREACHABLE, HostRoute, RouteKind
from ldirectord_py.doctor.host import routes
from ldirectord_py.doctor.host.routes import read_network

OWN, SERVER, FAR, LOST = (ip_address(f"10.0.0.{last}") for last in (254, 1, 2, 3))


class Message(dict[str, Any]):
    """A message: its header by names, and its attributes."""

    def __init__(self, *, attributes: dict[str, Any], **header: Any) -> None:
        super().__init__(header)
        self.attributes = attributes

    def get_attr(self, name: str) -> Any:
        return self.attributes.get(name)

    def get_nested(self, *names: str) -> Any:
        return self.attributes.get(names[-1])


class FakeKernel:
    """The kernel of a host with eth0, on which SERVER is and whose filter ``drops``."""

    drops = False
    broken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def get_links(self) -> Iterator[Message]:
        if self.broken:
            raise NetlinkError(self.broken, "broken")
        yield Message(index=2, flags=1, attributes={"IFLA_IFNAME": "eth0", "IFLA_MTU": 1500, "IFLA_INFO_KIND": "veth"})

    def get_addr(self) -> Iterator[Message]:
        yield Message(index=2, attributes={"IFA_ADDRESS": str(OWN)})

    def get_default_routes(self, family: int) -> Iterator[Message]:
        yield Message(attributes={"RTA_OIF": 2})
        yield Message(attributes={})

    def route(self, _verb: str, dst: str, src: str = "", iif: int = 0) -> list[Message]:
        if src:
            assert (dst, src, iif) == (str(OWN), str(SERVER), 2)
        if dst == str(LOST) or (src and self.drops):
            raise NetlinkError(errno.EXDEV if src else errno.ENETUNREACH, "no")
        to: dict[str, Any] = {"RTA_OIF": 2}
        if dst == str(FAR):
            to |= {"RTA_GATEWAY": "10.0.0.250", "RTA_METRICS": Message(attributes={"RTAX_MTU": 1400})}
        return [Message(type=2 if dst == str(OWN) else 1, attributes=to)]


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> type[FakeKernel]:
    class Kernel(FakeKernel):
        pass

    monkeypatch.setattr(routes, "IPRoute", Kernel)
    return Kernel


def test_links_and_routes(kernel: type[FakeKernel]) -> None:
    network = read_network([OWN, SERVER, FAR, LOST], [SERVER])
    (eth0,) = network.links.values()
    assert (eth0.name, eth0.mtu, eth0.up, eth0.kind, eth0.addresses) == ("eth0", 1500, True, "veth", frozenset({OWN}))
    assert network.routes == {
        OWN: HostRoute(RouteKind.LOCAL, "eth0"),
        SERVER: HostRoute(RouteKind.UNICAST, "eth0"),
        FAR: HostRoute(RouteKind.UNICAST, "eth0", "10.0.0.250", 1400),
        LOST: UNREACHABLE,
    }
    assert network.default_links == {"eth0"}


def test_servers_with_equal_paths_are_one_question(kernel: type[FakeKernel], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(routes, "_is_accepted", lambda *_: asked.append(1))
    read_network(servers := [SERVER + number for number in range(4, 104)], servers)
    assert len(asked) == 1


@pytest.mark.parametrize("drops", [True, False])
def test_the_kernel_is_asked_whether_answers_are_accepted(kernel: type[FakeKernel], drops: bool) -> None:
    kernel.drops = drops
    assert read_network([SERVER], [SERVER]).return_paths == {SERVER: not drops}


def test_a_link_without_an_address_of_its_own_is_not_asked(
    kernel: type[FakeKernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "get_addr", lambda _: iter(()))
    kernel.drops = True
    assert read_network([SERVER], [SERVER]).return_paths == {}


def test_errors_are_those_of_the_system(kernel: type[FakeKernel], monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.broken = errno.EPERM
    with pytest.raises(PermissionError):
        read_network([], [])
    kernel.broken = 0
    monkeypatch.setattr(routes, "ROUTES_TIMEOUT", -1.0)
    with pytest.raises(TimeoutError):
        read_network([SERVER], [])

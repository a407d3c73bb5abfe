"""Lookups of host and service names: deadlines, threads, families and protocols."""

from __future__ import annotations

import socket
import threading
import time
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from ldirectord_py.config.addresses import HostName, PortName
from ldirectord_py.config.names import hostname, look_up


def test_a_resolver_that_hangs_costs_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hang(name: str, *_: Any) -> list[Any]:
        if name.startswith("slow"):
            released.wait(60)
        return [(None, None, None, None, ("192.0.2.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    hosts = [*(HostName(f"slow{n}", ipv6=False) for n in range(3)), HostName("fast", ipv6=False)]
    started = time.monotonic()
    names = look_up(frozenset(hosts), frozenset(), 0.5)
    released.set()
    assert time.monotonic() - started < 30
    assert [None, None, None, IPv4Address("192.0.2.7")] == [names.hosts[host] for host in hosts]


def test_rounds_against_a_resolver_that_hangs_keep_one_set_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """33, 65, 97, ... threads there were after so many rounds."""
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: released.wait(60) and [])
    hosts = frozenset(HostName(f"host{n}", ipv6=False) for n in range(40))
    for _ in range(3):
        assert set(look_up(hosts, frozenset(), 0.01).hosts.values()) == {None}
    assert sum(thread.name == "names" for thread in threading.enumerate()) == 32
    released.set()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [(None, None, None, None, ("192.0.2.7", 0))])
    assert set(look_up(hosts, frozenset()).hosts.values()) == {IPv4Address("192.0.2.7")}


def test_without_a_thread_to_spare_no_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    host = HostName("web", ipv6=False)
    assert look_up(frozenset({host}), frozenset()).hosts == {host: None}


def test_an_address_with_a_scope_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(0, 0, 0, "", (text, 0, 0, 0)) for text in ("fe80::1%eth0", "2001:db8::1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: answers)
    host = HostName("web", ipv6=True)
    assert {host: IPv6Address("2001:db8::1")} == look_up(frozenset({host}), frozenset()).hosts


def test_a_service_of_another_protocol_is_used_instead() -> None:
    ports = [PortName("http", "udp"), PortName("domain", "udp"), PortName("smtp"), PortName("nosuchservice", "tcp")]
    assert [look_up(frozenset(), frozenset(ports)).ports[port] for port in ports] == [80, 53, 25, None]


@pytest.mark.parametrize(("value", "expected"), [("director", "director"), ("", socket.gethostname())])
def test_the_host_name_is_the_environments_if_it_has_one(
    value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOSTNAME", value)
    assert expected == hostname()

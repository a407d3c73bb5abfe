from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.config.addresses import (
    HostName,
    Names,
    PortName,
    find_address,
    find_port,
    host_name,
    literal,
    port_name,
)
from ldirectord_py.config.diagnostics import InvalidValue

numbers = st.one_of(
    st.integers(0, 2**33).map(str), st.integers(0, 300).map(lambda n: f"0{n:o}"), st.integers(0, 300).map(hex)
)


@given(st.lists(numbers, min_size=1, max_size=5).map(".".join))
def test_numbers_are_read_as_inet_aton_does(text: str) -> None:
    try:
        expected = IPv4Address(socket.inet_aton(text))
    except OSError:
        with pytest.raises(InvalidValue):
            literal(text)
    else:
        assert expected == literal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", IPv4Address("192.0.2.1")),
        ("[2001:DB8::1]", IPv6Address("2001:db8::1")),
        ("web", None),
        ("web_1.example.net", None),
        ("1web", None),
        ("0xweb", None),
    ],
)
def test_addresses_are_read_and_names_are_none(text: str, expected: object) -> None:
    assert expected == literal(text)


@pytest.mark.parametrize("text", ["", "1.2.3.", ".", "[]", "[::1", "[fe80::1%eth0]", "::1", "a/b", "ünï", "[1.2.3.4]"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        literal(text)


def test_addresses_and_ports_are_read_or_found_by_their_names() -> None:
    names = Names(hosts={HostName("web", ipv6=False): IPv4Address("192.0.2.7")}, ports={PortName("www"): 80})
    assert IPv4Address("192.0.2.1") == find_address("192.0.2.1", names, ipv6=False)
    assert IPv4Address("192.0.2.7") == find_address("web", names, ipv6=False)
    assert find_address("web", names, ipv6=True) is None
    assert [find_port("www", names), find_port("443", names)] == [80, 443]


def test_only_names_are_looked_up() -> None:
    assert host_name("web", ipv6=True) == HostName("web", ipv6=True)
    assert [host_name(text, ipv6=False) for text in ("192.0.2.1", "[::1]", "a/b")] == [None, None, None]
    assert port_name("www", "udp") == PortName("www", "udp")
    assert [port_name(text) for text in ("443", "")] == [None, None]


@pytest.mark.parametrize("text", ["65536", "1234567890", "www", "", "\u0663"])
def test_a_port_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        find_port(text, Names())


@pytest.mark.parametrize(("text", "ipv6"), [("192.0.2.1", True), ("[2001:db8::1]", False)])
def test_an_address_of_the_other_family_is_refused(text: str, ipv6: bool) -> None:
    with pytest.raises(InvalidValue):
        find_address(text, Names(), ipv6=ipv6)

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.config.addresses import HostName, Lookup, Names, PortName, literal
from ldirectord_py.config.lines import InvalidValue

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


def test_only_names_are_remembered_as_asked_for() -> None:
    lookup = Lookup(Names(hosts={HostName("web", ipv6=False): IPv4Address("192.0.2.7")}, ports={PortName("www"): 80}))
    assert IPv4Address("192.0.2.1") == lookup.address("192.0.2.1", ipv6=False)
    assert IPv4Address("192.0.2.7") == lookup.address("web", ipv6=False)
    assert lookup.address("web", ipv6=True) is None
    assert [lookup.port("www"), lookup.port("443")] == [80, 443]
    assert lookup.hosts == {HostName("web", ipv6=False), HostName("web", ipv6=True)}
    assert lookup.ports == {PortName("www")}

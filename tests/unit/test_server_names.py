"""Which servers a name in a command means."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from builders import config, real, virtual
from harness.fakes.mutants import mutants
from ldirectord_py.administration import AdministrativeEntry, AdministrativeState, Decision
from ldirectord_py.ipvs.table import Protocol
from ldirectord_py.server_names import ServerPattern, UnknownServerError, find_virtuals, unknown_server

CONFIG = config(
    virtual("192.0.2.1:80", real("10.1.0.1:80"), real("10.1.0.2:8080", name="Web2.Example.NET"), servicename="Shop"),
    virtual("192.0.2.1:53", real("10.1.0.1:53"), protocol=Protocol.UDP),
    virtual("192.0.2.1:53", real("10.1.0.3:53", name="web3"), protocol=Protocol.TCP),
    virtual("[2001:db8::1]:80", real("[2001:db8::2]:80"), real("[2001:db8::2:8]:80")),
    virtual(7, real("10.1.0.4:0", name="web4")),
)

DRAIN, BY_ALICE = AdministrativeState.DRAIN, Decision("alice", 0.0)


def found(name: str) -> list[str]:
    """Return the servers that a name means; raises UnknownServerError for none, as commands do."""
    pattern = ServerPattern(name)
    meant = [
        f"{site.id}/{server}" for site in CONFIG.virtuals for server in site.reals if pattern.matches(site, server)
    ]
    if not meant:
        raise unknown_server(CONFIG.virtuals, name)
    return [server.removeprefix("tcp:") for server in meant]


@pytest.mark.parametrize(
    ("name", "servers"),
    [
        ("10.1.0.1", ["192.0.2.1:80/10.1.0.1:80", "udp:192.0.2.1:53/10.1.0.1:53"]),
        ("10.1.0.1:53", ["udp:192.0.2.1:53/10.1.0.1:53"]),
        ("web2", ["192.0.2.1:80/10.1.0.2:8080"]),
        ("WEB2.example.net:8080", ["192.0.2.1:80/10.1.0.2:8080"]),
        ("web?", ["192.0.2.1:80/10.1.0.2:8080", "192.0.2.1:53/10.1.0.3:53", "fwm:7/10.1.0.4:0"]),
        ("web[34]", ["192.0.2.1:53/10.1.0.3:53", "fwm:7/10.1.0.4:0"]),
        ("Web*.NET", ["192.0.2.1:80/10.1.0.2:8080"]),
        ("10.1.0.*:53", ["udp:192.0.2.1:53/10.1.0.1:53", "192.0.2.1:53/10.1.0.3:53"]),
        (":53", ["udp:192.0.2.1:53/10.1.0.1:53", "192.0.2.1:53/10.1.0.3:53"]),
        ("tcp:*/:8080", ["192.0.2.1:80/10.1.0.2:8080"]),
        ("tcp:192.0.2.1:80/10.1.0.1", ["192.0.2.1:80/10.1.0.1:80"]),
        ("192.0.2.1:80/web2", ["192.0.2.1:80/10.1.0.2:8080"]),
        ("192.0.2.1:53/*", ["udp:192.0.2.1:53/10.1.0.1:53", "192.0.2.1:53/10.1.0.3:53"]),
        ("UDP:192.0.2.1:53/*", ["udp:192.0.2.1:53/10.1.0.1:53"]),
        ("udp:*/*", ["udp:192.0.2.1:53/10.1.0.1:53"]),
        ("shop/10.1.0.1:80", ["192.0.2.1:80/10.1.0.1:80"]),
        ("fwm:7/*", ["fwm:7/10.1.0.4:0"]),
        ("7/web4", ["fwm:7/10.1.0.4:0"]),
        ("2001:db8::2", ["[2001:db8::1]:80/[2001:db8::2]:80"]),
        ("[2001:DB8:0::2]:80", ["[2001:db8::1]:80/[2001:db8::2]:80"]),
        ("[2001:db8::2*]:80", ["[2001:db8::1]:80/[2001:db8::2]:80", "[2001:db8::1]:80/[2001:db8::2:8]:80"]),
        ("2001:db8::2:*", ["[2001:db8::1]:80/[2001:db8::2:8]:80"]),
        ("TCP:[2001:DB8::1]:80/[2001:db8::2]:*", ["[2001:db8::1]:80/[2001:db8::2]:80"]),
    ],
)
def test_a_name_means_these_servers(name: str, servers: list[str]) -> None:
    assert found(name) == servers


ENTRIES = [
    AdministrativeEntry(site.id, str(server), f"{server.name}:{server.port}" if server.name else None, DRAIN, BY_ALICE)
    for site in CONFIG.virtuals
    for server in site.reals
]


@pytest.mark.parametrize(
    "name",
    [
        *("10.1.0.1", "10.1.0.1:53", "web2", "WEB2.example.net:8080", "web?", "10.1.0.*:53", ":53", "tcp:*/:8080", "*"),
        *("tcp:192.0.2.1:80/10.1.0.1", "192.0.2.1:80/web2", "192.0.2.1:53/*", "UDP:192.0.2.1:53/*", "192.0.2.1/*"),
        *("fwm:7/*", "7/web4", "2001:db8::2", "[2001:DB8:0::2]:80", "[2001:db8::2*]:80", "[2001:db8::1]/*"),
    ],
)
def test_a_name_means_the_entries_of_the_servers_that_it_means(name: str) -> None:
    pattern = ServerPattern(name)
    meant = [f"{entry.virtual}/{entry.real}".removeprefix("tcp:") for entry in ENTRIES if pattern.matches_entry(entry)]
    assert meant == found(name)


def test_a_name_that_means_no_server_means_no_entry() -> None:
    names = ("10.1.0.9", "web9", "192.0.2.1:80", "udp:192.0.2.1:53/web3", "fwm:1/*", "", "/")
    assert not any(ServerPattern(name).matches_entry(entry) for name in names for entry in ENTRIES)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("10.1.0.9", "no real server 10.1.0.9; did you mean 10.1.0."),
        ("wbe2.example.net", "no real server wbe2.example.net; did you mean Web2.Example.NET?"),
        ("quite-another", "no real server quite-another"),
        ("192.0.2.1:80", "192.0.2.1:80 is a virtual; 192.0.2.1:80/* means all its servers"),
        ("tcp:192.0.2.1:88/10.1.0.1", "no virtual tcp:192.0.2.1:88; did you mean tcp:192.0.2.1:80 or tcp:192.0.2.1:5"),
        ("shop/web3", "tcp:192.0.2.1:80 has no real server web3; did you mean "),
        ("192.0.2.1:53/x", "192.0.2.1:53 has no real server x; did you mean 10.1.0.1:53 or web3 or 10.1.0.3:53?"),
        ("", "no real server "),
        ("/", "no virtual "),
        ("shop/", "tcp:192.0.2.1:80 has no real server "),
    ],
)
def test_an_unknown_name_is_an_error_with_names_that_are_like_it(name: str, text: str) -> None:
    with pytest.raises(UnknownServerError) as error:
        found(name)
    assert str(error.value).startswith(text)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("192.0.2.1:53", ["udp:192.0.2.1:53", "tcp:192.0.2.1:53"]),
        ("Shop", ["tcp:192.0.2.1:80"]),
        ("fwm*", ["fwm:7"]),
        ("tcp:[2001:db8:0::1]:80", ["tcp:[2001:db8::1]:80"]),
        ("web2", []),
    ],
)
def test_a_name_means_these_virtuals(name: str, ids: list[str]) -> None:
    assert [each.id for each in find_virtuals(CONFIG.virtuals, name)] == ids


def test_whatever_a_name_is_it_means_servers_or_is_an_error_in_a_moment() -> None:
    seeds = [b"[2001:db8::2*]:80", b"tcp:192.0.2.1:80/web[2-4]", b"[!a-*?]**x", b"7/", b"\xff[[]"]
    for data in mutants(seeds, 500):
        begin = time.thread_time()
        with suppress(UnknownServerError):
            assert found(data.decode("utf-8", "surrogateescape"))
        assert time.thread_time() - begin < 1

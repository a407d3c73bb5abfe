"""Which file names stand for a real server."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from builders import config, real, virtual
from harness.fakes.mutants import mutants
from ldirectord_py.desired import real_key
from ldirectord_py.maintenance_names import canonical, in_maintenance, index_servers

CONFIG = config(
    virtual("192.0.2.1:80", real("10.1.0.1:80"), real("10.1.0.2:8080", name="Web2.Example.NET")),
    virtual("192.0.2.1:443", real("10.1.0.1:443"), real("10.1.0.3:443")),
    virtual("[2001:db8::1]:80", real("[2001:db8::2]:80"), real("[2001:db8::2]:8080")),
    virtual("[2001:db8::1]:443", real("[2001:db8::2:80]:443"), real("[2001:db8::7]:12345")),
    virtual(7, real("10.1.0.4:0")),
)
NAMES = {
    ip_address("10.1.0.1"): "web1.example.net",
    ip_address("10.1.0.2"): "www.example.org",
    ip_address("10.1.0.3"): "web3",
    ip_address("2001:db8::7"): "six.example.net.",
}
REALS = [(real_key(each, server), server) for each in CONFIG.virtuals for server in each.reals]
MEANT = index_servers(REALS, NAMES)


def meant(*files: str) -> list[str]:
    """The servers that are in maintenance, as ``address:port``, in the order of the configuration."""
    found = in_maintenance(files, MEANT)
    return [str(server) for key, server in REALS if key in found]


@pytest.mark.parametrize(
    ("file", "servers"),
    [
        ("10.1.0.1", ["10.1.0.1:80", "10.1.0.1:443"]),
        ("10.1.0.1:80", ["10.1.0.1:80"]),
        ("10.1.0.1:443", ["10.1.0.1:443"]),
        ("10.1.0.1:81", []),
        ("web1.example.net", ["10.1.0.1:80", "10.1.0.1:443"]),
        ("web1.example.net:443", ["10.1.0.1:443"]),
        ("web1", ["10.1.0.1:80", "10.1.0.1:443"]),
        ("web1:80", ["10.1.0.1:80"]),
        ("WEB1.Example.Net:80", ["10.1.0.1:80"]),
        ("web2", ["10.1.0.2:8080"]),
        ("web2.example.net:8080", ["10.1.0.2:8080"]),
        ("www.example.org", ["10.1.0.2:8080"]),
        ("www:8080", ["10.1.0.2:8080"]),
        ("web3:443", ["10.1.0.3:443"]),
        ("2001:db8::2", ["[2001:db8::2]:80", "[2001:db8::2]:8080"]),
        ("[2001:db8::2]", ["[2001:db8::2]:80", "[2001:db8::2]:8080"]),
        ("[2001:DB8:0::2]:80", ["[2001:db8::2]:80"]),
        ("2001:db8::2:8080", ["[2001:db8::2]:8080"]),
        ("2001:db8::2:80", ["[2001:db8::2:80]:443"]),
        ("2001:db8::7:12345", ["[2001:db8::7]:12345"]),
        ("six:12345", ["[2001:db8::7]:12345"]),
        ("10.1.0.4", ["10.1.0.4:0"]),
        ("10.1.0.4:0", ["10.1.0.4:0"]),
        ("web1~", []),
        (".web1.swp", []),
        ("example.net", []),
        ("web\udcff", []),
        ("", []),
        (":", []),
        ("[", []),
        ("[]:80", []),
    ],
)
def test_a_file_stands_for_these_servers(file: str, servers: list[str]) -> None:
    assert servers == meant(file)


def test_files_add_up() -> None:
    assert meant("web1:80", "readme", "10.1.0.3") == ["10.1.0.1:80", "10.1.0.3:443"]


@pytest.mark.slow
def test_whatever_a_file_is_called_it_has_one_canonical_name() -> None:
    seeds = [
        b"2001:DB8::0:2",
        b"Web1.",
        b"10.1.0.1:80",
        b"[2001:db8::7]:12345",
        b"fe80::1%eth0",
        b"web1:80",
        b"::ffff:1.2.3.4",
    ]
    for data in mutants(seeds, 20_000):
        name = canonical(data.decode("utf-8", "surrogateescape"))
        assert canonical(name) == name
        in_maintenance([name], MEANT)

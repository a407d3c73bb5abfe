from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from harness.dumped import from_yaml
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.addresses import HostName
from ldirectord_py.config.dump import to_dict, to_json, to_yaml
from ldirectord_py.config.load import load, reparse
from ldirectord_py.config.model import Authorities, Config
from ldirectord_py.errors import ConfigError
from ldirectord_py.plan import plan

VIRTUAL = "virtual=192.0.2.1:80\n    real=198.51.100.1:80 gate\n"

Write = Callable[[bytes | str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: bytes | str) -> Path:
        path = tmp_path / "test.cf"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refusal(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(problem).removeprefix(str(path)) for problem in caught.value.problems]


def test_a_file_of_literal_addresses_causes_no_lookup(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(socket, "getservbyname", lookup)
    parsed = load(write(VIRTUAL + "    fallback=192.0.2.99\n"))
    assert [virtual.id for virtual in parsed.config.virtuals] == ["tcp:192.0.2.1:80"]
    assert parsed.hosts == {}


def test_names_are_looked_up_and_reported(write: Write) -> None:
    parsed = load(write("virtual=localhost:http\n    real=localhost:domain masq\n"))
    virtual = parsed.config.virtuals[0]
    assert (
        virtual.id,
        str(virtual.reals[0]),
        virtual.reals[0].name,
    ) == ("tcp:127.0.0.1:80", "127.0.0.1:53", "localhost")
    assert parsed.hosts == {HostName("localhost", ipv6=False): IPv4Address("127.0.0.1")}


def test_a_name_that_nobody_knows_leaves_its_server_out(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    path = write(VIRTUAL + "    real=gone:80 gate\n")
    parsed = load(path)
    assert [str(real) for real in parsed.config.virtuals[0].reals] == ["198.51.100.1:80"]
    (warning,) = parsed.warnings
    assert warning.what == 'the name "gone" does not resolve, so the server is left out'
    assert (warning.line, warning.column) == (3, 10)


def test_a_known_name_that_does_not_resolve_keeps_its_address(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    known = {HostName("web1", ipv6=False): IPv4Address("198.51.100.7")}
    parsed = load(write(VIRTUAL + "    real=web1:80 gate\n"), known)
    assert str(parsed.config.virtuals[0].reals[1]) == "198.51.100.7:80"
    assert parsed.hosts == known
    (warning,) = parsed.warnings
    expected = ('the host name "web1" does not resolve now', "its last address 198.51.100.7 is kept", 3)
    assert (warning.what, warning.hint, warning.line) == expected


def test_a_lost_name_is_reported_at_its_place(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)
    known = {HostName(name, ipv6=False): IPv4Address("198.51.100.7") for name in ("web", "web-", "web2", "web3")}
    reals = ("web10:80", "198.51.100.1:80", "web:80", "web-:80", "web2->web3:80")
    text = "# web, web-, web2\nvirtual=192.0.2.1:80\n" + "".join(f"    real={real} gate\n" for real in reals)
    kept = [warning for warning in load(write(text), known).warnings if "last address" in warning.hint]
    places = [(warning.what.split('"')[1], warning.line, warning.column) for warning in kept]
    assert places == [("web", 5, 10), ("web-", 6, 10), ("web2", 7, 10), ("web3", 7, 16)]


def answering(monkeypatch: pytest.MonkeyPatch, **names: list[str]) -> None:
    """Let these names resolve, and no others."""

    def answer(host: str, *_: Any) -> list[tuple[Any, ...]]:
        if not names.get(host):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in names[host]]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_a_known_address_stays_while_it_is_one_of_the_name(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, web1=["198.51.100.8", "198.51.100.7"])
    path = write(VIRTUAL + "    real=web1:80 gate\n")
    known = {HostName("web1", ipv6=False): IPv4Address("198.51.100.7")}
    assert str(load(path, known).config.virtuals[0].reals[1]) == "198.51.100.7:80"
    assert str(load(path).config.virtuals[0].reals[1]) == "198.51.100.8:80"


def test_the_same_text_means_the_same_again_but_for_its_names(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, web1=["198.51.100.7"], www=["192.0.2.5"])
    path = write("virtual=www:http\n    real=web1:80 gate\n    real=web2:80 gate\n    fallback=web1:81\n")
    loaded = load(path)
    web1, web2, www = (HostName(name, ipv6=False) for name in ("web1", "web2", "www"))
    assert loaded.watched_hosts == {web1, web2}
    path.write_text("no configuration any more")
    assert reparse(loaded, {}) == loaded
    hosts = {www: IPv4Address("192.0.2.5"), web1: IPv4Address("198.51.100.9"), web2: IPv4Address("198.51.100.10")}
    moved = reparse(loaded, hosts)
    (site,) = moved.config.virtuals
    assert [site.id, *map(str, site.reals), str(site.fallback)] == [
        "tcp:192.0.2.5:80",
        "198.51.100.9:80",
        "198.51.100.10:80",
        "198.51.100.9:81",
    ]
    assert (moved.hosts, moved.watched_hosts) == (hosts, frozenset({web1, web2}))
    assert moved.warnings == ()


def test_the_host_name_is_in_the_login_of_ftp(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTNAME", "lb1")
    virtual = load(write("virtual=192.0.2.1:21\n    service=ftp\n")).config.virtuals[0]
    assert (virtual.login, virtual.passwd) == ("anonymous", "ldirectord@lb1")


LATIN_1 = b"""virtual=192.0.2.1:80
    real=198.51.100.1:80 gate 1 "/gr\xfc\xdfe", "verf\xfcgbar"
    request="/\xe4"
    receive="\xa4 \xc3\xa4"
    login="m\xfcller"
    passwd="\xff"
    secret="\xfe"
    service=http
"""


def as_bytes(*values: str) -> list[bytes]:
    return [value.encode("utf-8", "surrogateescape") for value in values]


def test_bytes_that_are_not_utf_8_stay_bytes(write: Write) -> None:
    parsed = load(write(LATIN_1))
    assert parsed.warnings == ()
    (virtual,) = parsed.config.virtuals
    (real,) = virtual.reals
    assert virtual.receive == "\udca4 ä"
    assert as_bytes(real.request, real.receive, virtual.request) == [b"/gr\xfc\xdfe", b"verf\xfcgbar", b"/\xe4"]
    assert as_bytes(virtual.login, virtual.passwd, virtual.secret) == [b"m\xfcller", b"\xff", b"\xfe"]


def test_a_check_gets_these_bytes_as_surrogates(write: Write) -> None:
    (check,) = plan(load(write(LATIN_1)).config, kinds())
    assert as_bytes(check.target.request, check.target.receive) == [b"/gr\xfc\xdfe", b"verf\xfcgbar"]


def test_an_included_file_stays_bytes_and_so_does_its_name(write: Write, tmp_path: Path) -> None:
    name = b"gr\xfcn.cf"
    (tmp_path / os.fsdecode(name)).write_bytes(LATIN_1)
    parsed = load(write(b'include="' + name + b'"\n'))
    assert parsed.config.virtuals[0].login == "m\udcfcller"


@pytest.mark.parametrize(("to_text", "of_text"), [(to_yaml, from_yaml), (to_json, None)])
def test_a_dump_of_such_bytes_is_ascii_and_can_be_read_back(
    write: Write, to_text: Callable[[Config, bool], str], of_text: Callable[[str], Config] | None
) -> None:
    config = load(write(LATIN_1)).config
    text = to_text(config, True)
    assert text.isascii()
    assert (of_text(text) == config) if of_text else (json.loads(text) == to_dict(config, show_secrets=True))


def test_warnings_of_the_file_and_of_its_lines_are_in_order(write: Write) -> None:
    path = write(b"checkinterval=5s\r\n# \xff\nautoreload=maybe\n")
    assert refusal(path) == [
        ":1:1: warning: the line ends in CR LF; convert the file, for instance with dos2unix",
        ':1:15: warning: "5s" is read as 5; write checkinterval=5',
        ':3:12: autoreload must be yes or no, not "maybe"; write autoreload=yes or autoreload=no',
    ]


AUTHORITY = Path(__file__).with_name("authority.pem")
SECURE = "virtual=192.0.2.1:443\n    real=198.51.100.1:443 gate\n    tlsverify=yes\n    tlsca={}\n"


def test_a_file_of_authorities_is_read_again_with_each_load(write: Write, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    path = write(SECURE.format(authorities))
    authorities.write_text(f"Our own: \u00fc\n{AUTHORITY.read_text()}\n")
    (virtual,) = load(path).config.virtuals
    assert virtual.tlsca == Authorities(str(authorities), AUTHORITY.read_text().strip())
    authorities.write_text(AUTHORITY.read_text() * 2)
    (again,) = load(path).config.virtuals
    assert again.tlsca == Authorities(str(authorities), "\n".join([AUTHORITY.read_text().strip()] * 2))


def test_a_file_of_authorities_for_all_virtuals_is_read_too(write: Write) -> None:
    (virtual,) = load(write(f"tlsca={AUTHORITY}\n{VIRTUAL}")).config.virtuals
    assert virtual.tlsca == Authorities(str(AUTHORITY), AUTHORITY.read_text().strip())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read the file: No such file or directory"),
        ("# none\n", "the file holds no certificate in PEM"),
        ("\x30\x00", "the file holds NUL bytes: it is not text"),
        (
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            "the file holds a damaged certificate",
        ),
    ],
)
def test_a_file_of_authorities_that_is_not_one_is_refused(
    write: Write, tmp_path: Path, content: str | None, reason: str
) -> None:
    authorities = tmp_path / "ca.pem"
    if content is not None:
        authorities.write_text(content)
    hint = "name a readable file of certificates in PEM"
    assert refusal(write(SECURE.format(authorities))) == [f":4:11: tlsca cannot be {authorities}: {reason}; {hint}"]

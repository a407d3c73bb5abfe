from __future__ import annotations

from ipaddress import ip_address

import pytest

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.protocols.http_request import Request, first_request, redirected_request
from ldirectord_py.checks.transport.tls import TlsParameters
from ldirectord_py.errors import CheckFailed

V4 = ip_address("192.0.2.1")
V6 = ip_address("2001:db8::1")


def lines(request: Request) -> list[str]:
    return request.head.decode().split("\r\n")


def peer(request: Request) -> tuple[str, int, bool, str | None]:
    return request.host, request.port, request.tls is not None, request.tls.name if request.tls else None


def test_a_request_in_full() -> None:
    request = first_request("http", Target(V4, 8080, 5.0, request="/alive.html?a=b"))
    assert lines(request) == [
        "GET /alive.html?a=b HTTP/1.1",
        "Host: 192.0.2.1",
        "User-Agent: ldirectord-py",
        "Connection: close",
        "",
        "",
    ]
    assert peer(request) == ("192.0.2.1", 8080, False, None)


def test_the_virtualhost_goes_into_the_host_header_and_sni() -> None:
    request = first_request("https", Target(V6, 443, 5.0, request="/", virtualhost="www.example.com:8443"))
    assert lines(request)[1] == "Host: www.example.com:8443"
    assert peer(request) == ("2001:db8::1", 443, True, "www.example.com")


def test_without_a_virtualhost_an_ipv6_address_is_in_brackets() -> None:
    request = first_request("https", Target(V6, 443, 5.0, request="/"))
    assert lines(request)[1] == "Host: [2001:db8::1]"
    assert peer(request) == ("2001:db8::1", 443, True, "2001:db8::1")


def test_an_absolute_request_of_the_same_scheme_overrides_the_address() -> None:
    request = first_request("http", Target(V4, 80, 5.0, request="/http://www.example.com:8080/x", httpmethod="HEAD"))
    assert lines(request)[:2] == ["HEAD /x HTTP/1.1", "Host: www.example.com:8080"]
    assert peer(request) == ("www.example.com", 8080, False, None)
    other = first_request("http", Target(V4, 80, 5.0, request="https://www.example.com/x"))
    assert lines(other)[:2] == ["GET /https://www.example.com/x HTTP/1.1", "Host: 192.0.2.1"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "GET / HTTP/1.1"),
        ("index.html", "GET /index.html HTTP/1.1"),
        ("/a b", "GET /a%20b HTTP/1.1"),
        ("/a%20b", "GET /a%20b HTTP/1.1"),
        ("/é?ü#top", "GET /%C3%A9?%C3%BC HTTP/1.1"),
        ("/x\r\nHost: evil", "GET /xHost:%20evil HTTP/1.1"),
        ("//evil.example/", "GET //evil.example/ HTTP/1.1"),
    ],
)
def test_a_path_is_quoted_only_where_it_must_be(text: str, line: str) -> None:
    assert lines(first_request("http", Target(V4, 80, 5.0, request=text)))[0] == line


def test_a_user_in_the_url_is_sent_as_basic_authorization() -> None:
    request = first_request("http", Target(V4, 80, 5.0, request="http://joe:a%40b@192.0.2.9/"))
    assert "Authorization: Basic am9lOmFAYg==" in lines(request)
    assert lines(request)[1] == "Host: 192.0.2.9"


@pytest.mark.parametrize(
    ("location", "line", "host", "to"),
    [
        ("/y", "GET /y HTTP/1.1", "Host: www.example.org", ("192.0.2.1", 8080, False, None)),
        ("y?z", "GET /a/y?z HTTP/1.1", "Host: www.example.org", ("192.0.2.1", 8080, False, None)),
        ("http://192.0.2.1/", "GET / HTTP/1.1", "Host: 192.0.2.1", ("192.0.2.1", 80, False, None)),
        (
            "//www.example.com/",
            "GET / HTTP/1.1",
            "Host: www.example.com",
            ("www.example.com", 80, False, None),
        ),
        (
            "https://[2001:db8::2]:444",
            "GET / HTTP/1.1",
            "Host: [2001:db8::2]:444",
            ("2001:db8::2", 444, True, "2001:db8::2"),
        ),
        (
            "https://bücher.example/caf\udce9",
            "GET /caf%E9 HTTP/1.1",
            "Host: xn--bcher-kva.example",
            ("xn--bcher-kva.example", 443, True, "xn--bcher-kva.example"),
        ),
    ],
)
def test_a_redirect_is_relative_to_its_request_and_keeps_the_virtualhost_on_its_server_only(
    location: str, line: str, host: str, to: tuple[str, int, bool, str | None]
) -> None:
    target = Target(V4, 8080, 5.0, request="/a/b", virtualhost="www.example.org")
    followed, _ = redirected_request("http", target, None, location)
    assert [line, host] == lines(followed)[:2]
    assert to == peer(followed)


@pytest.mark.parametrize(
    "location",
    [
        "ftp://192.0.2.1/",
        "ftp://192.0.2.1:2121/",
        "javascript:alert(1)",
        "http://[::1",
        "http://x:99999/",
        "http://a..b/",
    ],
)
def test_a_redirect_to_nowhere_is_refused(location: str) -> None:
    with pytest.raises(CheckFailed):
        redirected_request("http", Target(V4, 80, 5.0, request="/"), None, location)


def test_a_redirect_is_relative_to_the_one_before_it() -> None:
    target = Target(V4, 80, 5.0, request="/a/b", httpmethod="HEAD")
    _, url = redirected_request("http", target, None, "http://www.example.org/c/d")
    followed, url = redirected_request("http", target, url, "e")
    assert lines(followed)[:2] == ["HEAD /c/e HTTP/1.1", "Host: www.example.org"]
    assert url == "http://www.example.org/c/e"


def test_servers_of_one_port_share_it() -> None:
    port = int("8080")
    request = first_request("http", Target(V4, port, 5.0, request="/"))
    assert request.port is port


def test_a_request_to_a_proxy_has_an_absolute_url() -> None:
    request = first_request("http_proxy", Target(V4, 3128, 5.0, request="/http://www.example.com/x"))
    assert lines(request)[:2] == ["GET http://www.example.com/x HTTP/1.1", "Host: www.example.com"]
    assert peer(request) == ("192.0.2.1", 3128, False, None)


def test_a_redirect_of_a_proxied_request_goes_through_the_proxy_too_unless_it_is_https() -> None:
    target = Target(V4, 3128, 5.0, request="http://www.example.com/x")
    followed, _ = redirected_request("http_proxy", target, None, "http://www.example.org:8080/y")
    assert lines(followed)[:2] == ["GET http://www.example.org:8080/y HTTP/1.1", "Host: www.example.org:8080"]
    assert (followed.host, followed.port) == ("192.0.2.1", 3128)
    direct, _ = redirected_request("http_proxy", target, None, "https://www.example.org/")
    assert (direct.host, direct.port) == ("www.example.org", 443)


def test_a_proxy_check_without_an_absolute_url_says_so() -> None:
    with pytest.raises(CheckFailed, match="request must start with http://"):
        first_request("http_proxy", Target(V4, 3128, 5.0, request="/"))


def test_redirects_keep_the_tls_parameters_except_the_name() -> None:
    target = Target(
        V4, 443, 5.0, request="/", virtualhost="www.example.com", tlsname="tls.example.com", tlsverify=True, tlsca="PEM"
    )
    request = first_request("https", target)
    assert request.tls == TlsParameters("tls.example.com", verify=True, ca="PEM")
    same, other, plain = (
        redirected_request("https", target, None, location)[0].tls
        for location in ("/y", "https://www.example.org/", "http://www.example.org/")
    )
    assert same == request.tls
    assert other == TlsParameters("www.example.org", verify=True, ca="PEM")
    assert plain is None


@pytest.mark.parametrize("host", ["a\0b", "[fe80::1%a\0b]", "127.0\u2024.0", "[fe80::1%..lo]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_redirect_to_a_host_that_no_lookup_and_no_tls_accepts_is_refused(scheme: str, host: str) -> None:
    target = Target(V4, 80, 5.0, request="/")
    with pytest.raises(CheckFailed, match=r"^the URL is malformed$"):
        redirected_request("http", target, None, f"{scheme}://{host}:8443/")

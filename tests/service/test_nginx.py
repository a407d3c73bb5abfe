"""http, https and http_proxy against nginx."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

import pytest

from harness.servers.certificates import Certificate, self_signed
from harness.servers.nginx import nginx
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

UP = (Verdict.UP, "200 OK")

_PLAIN = """
server {
    listen 127.0.0.1:{port0} default_server;
    listen [::1]:{port0} default_server;
    location = / { return 200 "<h1>Still alive</h1>\\n"; }
    location = /empty { return 204; }
    location = /error { return 500; }
    location = /relative { absolute_redirect off; return 302 /; }
    location = /absolute { return 301 http://127.0.0.1:{port0}/; }
    location = /named { return 307 http://localhost:{port0}/; }
    location = /secure { return 302 https://127.0.0.1:{port1}/; }
    location = /loop { absolute_redirect off; return 302 /loop; }
    location = /agent { return 200 $http_user_agent; }
    location = /packed { gzip on; gzip_types text/html; return 200 "alive"; }
    location = /page { root FOLDER; }
}
server {
    listen 127.0.0.1:{port0};
    server_name www.example.com;
    location / { return 200 "virtual host\\n"; }
}
"""

_SECURE = """
server {
    listen 127.0.0.1:{port1} ssl;
    ssl_certificate SELF.pem; ssl_certificate_key SELF.key;
    location / { return 200 "Still alive\\n"; }
}
server {
    listen 127.0.0.1:{port2} ssl;
    ssl_certificate EXPIRED.pem; ssl_certificate_key EXPIRED.key;
    location / { return 200 "Still alive\\n"; }
}
server {
    listen 127.0.0.1:{port3} ssl default_server;
    ssl_certificate SELF.pem; ssl_certificate_key SELF.key;
    ssl_reject_handshake on;
}
server {
    listen 127.0.0.1:{port3} ssl;
    server_name www.example.com;
    ssl_certificate SELF.pem; ssl_certificate_key SELF.key;
    location / { return 200 "by name: $ssl_server_name $host\\n"; }
}
server {
    listen 127.0.0.1:{port4} ssl;
    ssl_certificate SELF.pem; ssl_certificate_key SELF.key;
    ssl_protocols TLSv1;
    ssl_ciphers ALL:@SECLEVEL=0;
    location / { return 200 "$ssl_protocol\\n"; }
}
"""

_PROXY = """
server {
    listen 127.0.0.1:{port5};
    location / { proxy_pass http://127.0.0.1:{port0}; proxy_set_header Host $http_host; }
    if ($request !~ "^GET http://") { return 400; }
}
"""


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, int]]:
    folder = tmp_path_factory.mktemp("nginx")
    own = self_signed(folder, "self")
    expired = self_signed(folder, "expired", expired=True)
    (folder / "page").write_text("x" * 300_000 + "</html>\n")
    servers = (_PLAIN + _SECURE + _PROXY).replace("FOLDER", str(folder))
    for word, certificate in (("SELF", own), ("EXPIRED", expired)):
        servers = _with_files(servers, word, certificate)
    with nginx(folder, servers, 6) as chosen:
        yield dict(zip(("http", "https", "expired", "sni", "old", "proxy"), chosen, strict=True))


def _with_files(servers: str, word: str, made: Certificate) -> str:
    return servers.replace(f"{word}.pem", str(made.certificate)).replace(f"{word}.key", str(made.key))


async def run(
    kind: str, port: int, request: str = "/", address: str = "127.0.0.1", **fields: Any
) -> tuple[Verdict, str]:
    check = KINDS[kind].check
    assert check is not None
    result = await probe(check, Target(ip_address(address), port, 20.0, request=request, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("/", UP),
        ("/empty", (Verdict.UP, "204 No Content")),
        ("/error", (Verdict.DOWN, "status 500 Internal Server Error")),
        ("/missing", (Verdict.DOWN, "status 404 Not Found")),
        ("/relative", UP),
        ("/absolute", UP),
        ("/named", UP),
        ("/secure", UP),
        ("/loop", (Verdict.DOWN, "more than 7 redirects")),
        ("/page", UP),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_http(ports: Mapping[str, int], request_: str, expected: tuple[Verdict, str], method: str) -> None:
    assert expected == await run("http", ports["http"], request_, httpmethod=method)


async def test_http_over_ipv6(ports: Mapping[str, int]) -> None:
    assert await run("http", ports["http"], address="::1", receive="alive") == UP


async def test_http_patterns(ports: Mapping[str, int]) -> None:
    port = ports["http"]
    assert await run("http", port, receive=r"Still\s+alive") == UP
    expected = (Verdict.DOWN, 'receive /still alive/ not in 21 bytes: "<h1>Still alive</h1>\\n"')
    assert expected == await run("http", port, receive="still alive")
    assert await run("http", port, "/page", receive="x</html>$") == UP
    assert await run("http", port, "/packed", receive="^alive$") == UP
    assert await run("http", port, "/agent", receive="^ldirectord-py") == UP


async def test_http_virtual_host(ports: Mapping[str, int]) -> None:
    assert await run("http", ports["http"], receive="^virtual host$", virtualhost="www.example.com") == UP


@pytest.mark.parametrize("server", ["https", "expired", "old"])
async def test_https_asks_no_questions(ports: Mapping[str, int], server: str) -> None:
    expected = "^TLSv1$" if server == "old" else "^Still alive$"
    assert await run("https", ports[server], receive=expected) == UP


async def test_https_sends_the_virtual_host_as_sni(ports: Mapping[str, int]) -> None:
    pattern = "^by name: www.example.com www.example.com$"
    assert await run("https", ports["sni"], receive=pattern, virtualhost="www.example.com") == UP
    expected = (Verdict.DOWN, "TLS: the server knows no such name")
    assert expected == await run("https", ports["sni"])


async def test_https_to_a_plain_port_and_the_other_way_round(ports: Mapping[str, int]) -> None:
    assert await run("https", ports["http"]) == (Verdict.DOWN, "TLS: no TLS on this port")
    assert await run("http", ports["https"]) == (Verdict.DOWN, "status 400 Bad Request")


async def test_http_proxy(ports: Mapping[str, int]) -> None:
    port, origin = ports["proxy"], f"http://127.0.0.1:{ports['http']}"
    assert await run("http_proxy", port, f"{origin}/", receive="alive") == UP
    assert await run("http_proxy", port, f"{origin}/absolute", receive="alive") == UP
    assert await run("http_proxy", port, f"{origin}/missing") == (Verdict.DOWN, "status 404 Not Found")
    verdict, _ = await run("http_proxy", port, "/")
    assert verdict is Verdict.DOWN


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_simpletcp(ports: Mapping[str, int], address: str) -> None:
    request = {"request": r"GET / HTTP/1.0\r\n\x0d\x0a"}
    found = await run("simpletcp", ports["http"], address=address, receive="^<h1>Still", **request)
    assert found == (Verdict.UP, '"<h1>Still alive</h1>"')
    verdict, reason = await run("simpletcp", ports["http"], address=address, receive="dead", **request)
    assert (verdict, reason.startswith("closed by server (receive /dead/ not in ")) == (Verdict.DOWN, True)

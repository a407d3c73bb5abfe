"""Which HTTP request a check sends, and to whom: the target's own, and those of its redirects."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, quote, unquote_to_bytes, urljoin, urlsplit

from ldirectord_py.address import bracketed, endpoint
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.transport.tls import TlsParameters, server_name
from ldirectord_py.errors import CheckFailed
from ldirectord_py.runtime.text import as_bytes

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_KEPT = "%/:=&?~#+!$,;'@()*[]|"


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent: ``head`` goes to ``host`` and ``port``, over ``tls`` unless that is None.

    It is the one of ``target`` for a check of ``kind``, or the one that follows a redirect of it to ``url``. There is
    one for each server: what only a redirect needs is made when there is one.
    """

    host: str
    port: int
    tls: TlsParameters | None
    head: bytes
    kind: str
    target: Target
    url: str = ""

    @property
    def method(self) -> str:
        """Return the method."""
        return self.target.httpmethod


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the request of a check and those of its redirects have in common.

    ``host`` (of the header) and the name in ``terms`` hold for the server of ``url`` alone, where they are set;
    ``proxy`` stands between us and every http URL.
    """

    url: str
    host: str
    terms: TlsParameters
    proxy: tuple[str, int] | None = None


def first(kind: str, target: Target) -> Request:
    """Return the request of an http, https or http_proxy check; an absolute URL of its scheme overrides the address.

    CheckFailed where the URL is none, or no http URL for a proxy.
    """
    asked = _asked(kind, target)
    return Request(*_made(asked.url, asked, target.httpmethod), kind, target)


def redirected(request: Request, location: str) -> Request:
    """Return the request that follows a redirect; raises CheckFailed for one that is not HTTP."""
    asked = _asked(request.kind, request.target)
    try:
        url = urljoin(request.url or asked.url, location)
    except ValueError:
        raise CheckFailed("redirect to a malformed URL") from None
    return Request(*_made(url, asked, request.method), request.kind, request.target, url)


def _asked(kind: str, target: Target) -> _Asked:
    path = target.request.removeprefix("/")
    if kind == "http_proxy":
        if not path.startswith("http://"):
            raise CheckFailed("a proxy is asked for an absolute URL: request must start with http://")
        return _Asked(path, "", _terms(target), (str(target.address), target.port))
    if path.startswith(f"{kind}://"):
        return _Asked(path, target.virtualhost or "", _terms(target))
    url = f"{kind}://{endpoint(target.address, target.port)}/{path}"
    return _Asked(url, target.virtualhost or bracketed(target.address), _terms(target))


def _terms(target: Target) -> TlsParameters:
    return TlsParameters(server_name(target.tlsname) or "", target.tlsverify, target.tlsca)


def _made(url: str, asked: _Asked, method: str) -> tuple[str, int, TlsParameters | None, bytes]:
    """Return host, port, terms and head of the request for a URL."""
    try:
        parts = urlsplit(url)
        usual = _PORTS[parts.scheme]
        port = parts.port or usual
        name = _ascii(parts.hostname or "")
    except KeyError:
        raise CheckFailed("redirect to a URL that is neither http nor https") from None
    except ValueError:
        raise CheckFailed("the URL is malformed") from None
    if not name:
        raise CheckFailed("the URL names no host")
    name = asked.host if name == asked.host else name  # one text for both, of many servers
    first = urlsplit(asked.url)
    own = (parts.scheme, parts.netloc) == (first.scheme, first.netloc)
    through = None if parts.scheme == "https" else asked.proxy
    resource, header = _path(parts), _host(name, port, parts.scheme)
    if through:
        resource = f"http://{header}{resource}"
    header = _printable((own and asked.host) or header)
    head = _head(method, resource, header, _authorization(parts))
    address = through or (name, port)
    tls = _tls(asked, header, name, own=own) if parts.scheme == "https" else None
    return *address, tls, head


def _ascii(host: str) -> str:
    """Return the host as a lookup and TLS take it; raises ValueError where they would not."""
    if "\0" in host:
        raise ValueError("a NUL in a host's name")
    name = host.encode("ascii" if ":" in host else "idna").decode()
    name.encode("idna")  # again: some characters became dots, and a label between two of them may be empty
    return name


def _tls(asked: _Asked, header: str, name: str, *, own: bool) -> TlsParameters:
    """Return the terms for a host: its name is the one set, else that of the header, else its address."""
    return replace(asked.terms, name=(own and asked.terms.name) or server_name(header) or name)


def _head(method: str, resource: str, host: str, authorization: str) -> bytes:
    return as_bytes(
        f"{method} {resource} HTTP/1.1\r\n"
        f"Host: {host}\r\n"
        "User-Agent: ldirectord-py\r\n"
        f"{authorization}"
        "Connection: close\r\n\r\n"
    )


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_KEPT, errors="surrogateescape")
    query = quote(parts.query, safe=_KEPT, errors="surrogateescape")
    return f"{path}?{query}" if query else path


def _host(name: str, port: int, scheme: str) -> str:
    host = f"[{name}]" if ":" in name else name
    return host if port == _PORTS[scheme] else f"{host}:{port}"


def _authorization(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    user = b":".join(unquote_to_bytes(as_bytes(part or "")) for part in (parts.username, parts.password))
    return f"Authorization: Basic {base64.b64encode(user).decode()}\r\n"


def _printable(text: str) -> str:
    """Return the text without control characters and the like; a byte that was not UTF-8 is none of them."""
    return "".join(char for char in text if char.isprintable() or "\udc80" <= char <= "\udcff")

"""Which HTTP request a check sends, and to whom: the target's own, and those of its redirects."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.tls import Terms, server_name
from ldirectord_py.config.model import bracketed, endpoint
from ldirectord_py.errors import CheckFailed

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_KNOWN: Mapping[str, dict[Target, Request]] = {"http": {}, "https": {}}
_MOST_KNOWN = 16384
_KEPT = "%/:=&?~#+!$,;'@()*[]|"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request and those of its redirects have in common.

    ``host`` (of the header) and the name in ``terms`` hold for the server of ``url`` alone, where they are set;
    ``proxy`` stands between us and every http URL.
    """

    method: str
    url: str
    host: str
    terms: Terms
    proxy: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent: ``head`` goes to ``host`` and ``port``, over ``tls`` unless that is None.

    ``url`` is what a redirect is relative to; ``method`` and ``asked`` hold for all redirects.
    """

    host: str
    port: int
    tls: Terms | None
    url: str
    head: bytes
    asked: Asked

    @property
    def method(self) -> str:
        """Return the method."""
        return self.asked.method


def first(scheme: str, target: Target) -> Request:
    """Return the request of an http or https check; an absolute URL of its scheme overrides the address."""
    known = _KNOWN[scheme]  # a cache of functools' is four times as large
    if (request := known.get(target)) is None:
        if len(known) >= _MOST_KNOWN:
            known.clear()
        request = known[target] = _first(scheme, target)
    return request


def _first(scheme: str, target: Target) -> Request:
    path = target.request.removeprefix("/")
    if path.startswith(f"{scheme}://"):
        url, host = path, target.virtualhost or ""
    else:
        url = f"{scheme}://{endpoint(target.address, target.port)}/{path}"
        host = target.virtualhost or bracketed(target.address)
    return _request(url, Asked(target.httpmethod, url, host, _terms(target)))


@lru_cache(maxsize=16384)
def proxied(target: Target) -> Request:
    """Return the request of an http_proxy check; raises CheckFailed unless ``request`` is an http URL."""
    url = target.request.removeprefix("/")
    if not url.startswith("http://"):
        raise CheckFailed("a proxy is asked for an absolute URL: request must start with http://")
    return _request(url, Asked(target.httpmethod, url, "", _terms(target), (str(target.address), target.port)))


def redirected(request: Request, location: str) -> Request:
    """Return the request that follows a redirect; raises CheckFailed for one that is not HTTP."""
    try:
        url = urljoin(request.url, location)
    except ValueError:
        raise CheckFailed("redirect to a malformed URL") from None
    return _request(url, request.asked)


def _terms(target: Target) -> Terms:
    return _shared_terms(server_name(target.tlsname) or "", target.tlsverify, target.tlsca)


@lru_cache(maxsize=1024)
def _shared_terms(name: str, verify: bool, ca: str) -> Terms:
    return Terms(name, verify, ca)


def _request(url: str, asked: Asked) -> Request:
    try:
        parts = urlsplit(url)
        usual = _PORTS[parts.scheme]
        port = parts.port or usual
        name = (parts.hostname or "").encode("ascii" if ":" in parts.netloc else "idna").decode()
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
    head = _head(asked.method, resource, header, _authorization(parts))
    address = through or (name, port)
    tls = _tls(asked, header, name, own=own) if parts.scheme == "https" else None
    return Request(*address, tls, url, head, asked)


def _tls(asked: Asked, header: str, name: str, *, own: bool) -> Terms:
    """Return the terms for a host: its name is the one set, else that of the header, else its address."""
    return replace(asked.terms, name=(own and asked.terms.name) or server_name(header) or name)


def _head(method: str, resource: str, host: str, authorization: str) -> bytes:
    return (
        f"{method} {resource} HTTP/1.1\r\n"
        f"Host: {host}\r\n"
        "User-Agent: ldirectord-py\r\n"
        f"{authorization}"
        "Connection: close\r\n\r\n"
    ).encode()


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
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Authorization: Basic {base64.b64encode(user.encode()).decode()}\r\n"


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())

"""Which HTTP request a check sends, and to whom: the target's own, and those of its redirects."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from ldirectord_py.checks.base import Target
from ldirectord_py.checks.tls import server_name
from ldirectord_py.config.model import bracketed, endpoint
from ldirectord_py.errors import CheckFailed

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_KEPT = "%/:=&?~#+!$,;'@()*[]|"


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent: ``head`` goes to ``host`` and ``port``, over TLS with ``name`` as SNI.

    ``url`` is what a redirect is relative to; ``proxy`` stands between us and every http URL.
    """

    host: str
    port: int
    tls: bool
    name: str | None
    method: str
    url: str
    head: bytes
    proxy: tuple[str, int] | None = None


@lru_cache(maxsize=16384)
def first(scheme: str, target: Target) -> Request:
    """Return the request of an http or https check; an absolute URL of its scheme overrides the address."""
    path = target.request.removeprefix("/")
    if path.startswith(f"{scheme}://"):
        return _request(path, target.httpmethod, target.virtualhost, None)
    url = f"{scheme}://{endpoint(target.address, target.port)}/{path}"
    return _request(url, target.httpmethod, target.virtualhost or bracketed(target.address), None)


@lru_cache(maxsize=16384)
def proxied(target: Target) -> Request:
    """Return the request of an http_proxy check; raises CheckFailed unless ``request`` is an http URL."""
    url = target.request.removeprefix("/")
    if not url.startswith("http://"):
        raise CheckFailed("a proxy is asked for an absolute URL: request must start with http://")
    return _request(url, target.httpmethod, None, (str(target.address), target.port))


def redirected(request: Request, location: str) -> Request:
    """Return the request that follows a redirect; raises CheckFailed for one that is not HTTP."""
    try:
        url = urljoin(request.url, location)
    except ValueError:
        raise CheckFailed("redirect to a malformed URL") from None
    return _request(url, request.method, None, request.proxy)


def _request(url: str, method: str, host: str | None, proxy: tuple[str, int] | None) -> Request:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        name = (parts.hostname or "").encode("ascii" if ":" in parts.netloc else "idna").decode()
    except KeyError:
        raise CheckFailed("redirect to a URL that is neither http nor https") from None
    except ValueError:
        raise CheckFailed("the URL is malformed") from None
    if not name:
        raise CheckFailed("the URL names no host")
    tls = parts.scheme == "https"
    through = None if tls else proxy
    header = _printable(host or _host(name, port, parts.scheme))
    resource = _path(parts)
    if through:
        resource = f"http://{_host(name, port, parts.scheme)}{resource}"
    head = _head(method, resource, header, _authorization(parts))
    address = through or (name, port)
    return Request(*address, tls, server_name(header), method, url, head, proxy)


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

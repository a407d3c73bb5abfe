"""The HTTP requests of a check and of its redirects, and the hosts that they are sent to."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote_to_bytes, urljoin, urlsplit

from ldirectord_py.address import bracketed, endpoint
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.transport.tls import TlsParameters, server_name
from ldirectord_py.errors import CheckFailed, InvalidCheck
from ldirectord_py.runtime.text import as_bytes

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_UNQUOTED = "%/:=&?~#+!$,;'@()*[]|"


@dataclass(frozen=True, slots=True)
class Request:
    """A request: ``head`` is sent to ``host`` and ``port``, over TLS unless ``tls`` is None.

    There is one for each server, so it holds nothing that only redirects need.
    """

    host: str
    port: int
    tls: TlsParameters | None
    head: bytes


class _Common(NamedTuple):
    """The common part of the request of a check and of the requests of its redirects.

    ``host`` (of the header) and the name in ``tls`` hold for the server of ``url`` alone, where they are set;
    every http URL is requested through ``proxy``. ``port`` is that of the target.
    """

    url: str
    host: str
    tls: TlsParameters
    port: int
    proxy: tuple[str, int] | None = None


def first_request(kind: str, target: Target) -> Request:
    """Return the request of an http, https or http_proxy check; an absolute URL of its scheme overrides the address.

    Raises InvalidCheck for a malformed URL, and for a proxy unless it is an http URL.
    """
    common = _common(kind, target)
    try:
        return _build(common.url, common, target.httpmethod)
    except CheckFailed as error:
        raise InvalidCheck(str(error)) from None


def redirected_request(kind: str, target: Target, url: str | None, location: str) -> tuple[Request, str]:
    """Return the request of a redirect to ``location``, and its URL; ``url``: the redirect before it, None if none.

    Raises CheckFailed for a URL that is not http or https.
    """
    common = _common(kind, target)
    try:
        url = urljoin(url or common.url, location)
    except ValueError:
        raise CheckFailed("redirect to a malformed URL") from None
    return _build(url, common, target.httpmethod), url


def _common(kind: str, target: Target) -> _Common:
    path = target.request.removeprefix("/")
    if kind == "http_proxy":
        if not path.startswith("http://"):
            raise InvalidCheck("a proxy is asked for an absolute URL: request must start with http://")
        return _Common(path, "", _tls_parameters(target), target.port, (str(target.address), target.port))
    if path.startswith(f"{kind}://"):
        return _Common(path, target.virtualhost or "", _tls_parameters(target), target.port)
    url = f"{kind}://{endpoint(target.address, target.port)}/{path}"
    return _Common(url, target.virtualhost or bracketed(target.address), _tls_parameters(target), target.port)


def _tls_parameters(target: Target) -> TlsParameters:
    return TlsParameters(server_name(target.tlsname) or "", target.tlsverify, target.tlsca)


def _build(url: str, common: _Common, method: str) -> Request:
    """Return the request for a URL."""
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
    name = common.host if name == common.host else name  # one object for both: there are many servers
    port = common.port if port == common.port else port
    first = urlsplit(common.url)
    own = (parts.scheme, parts.netloc) == (first.scheme, first.netloc)
    through = None if parts.scheme == "https" else common.proxy
    resource, header = _path(parts), _host(name, port, parts.scheme)
    if through:
        resource = f"http://{header}{resource}"
    header = _printable((own and common.host) or header)
    head = _head(method, resource, header, _authorization(parts))
    address = through or (name, port)
    tls = _tls(common, header, name, own=own) if parts.scheme == "https" else None
    return Request(*address, tls, head)


def _ascii(host: str) -> str:
    """Return a host in the form for lookups and TLS; raises ValueError if it has none."""
    if "\0" in host:
        raise ValueError("a NUL in a host's name")
    name = host.encode("ascii" if ":" in host else "idna").decode()
    name.encode("idna")  # again: some characters became dots, so a label may be empty now
    return name


def _tls(common: _Common, header: str, name: str, *, own: bool) -> TlsParameters:
    """Return the TLS parameters for a host; the name is ``tlsname``, else that of the Host header, else the host."""
    return replace(common.tls, name=(own and common.tls.name) or server_name(header) or name)


def _head(method: str, resource: str, host: str, authorization: str) -> bytes:
    return as_bytes(
        f"{method} {resource} HTTP/1.1\r\n"
        f"Host: {host}\r\n"
        "User-Agent: ldirectord-py\r\n"
        f"{authorization}"
        "Connection: close\r\n\r\n"
    )


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe=_UNQUOTED, errors="surrogateescape")
    query = quote(parts.query, safe=_UNQUOTED, errors="surrogateescape")
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
    """Return the text without unprintable characters; bytes that were not UTF-8 stay."""
    return "".join(char for char in text if char.isprintable() or "\udc80" <= char <= "\udcff")

"""``service = ftp``: log in, and fetch ``request`` to match ``receive``."""

from __future__ import annotations

from ldirectord_py.checks.base import Kind

KIND = Kind(
    "ftp",
    None,
    port=21,
    login="anonymous",
    passwd="ldirectord@{hostname}",  # noqa: S106  what anonymous users send
    uses=frozenset({"login", "passwd", "request", "receive"}),
)

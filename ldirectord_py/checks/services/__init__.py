"""The words of ``service``: one file for each, and the table of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ldirectord_py.checks.base import Kind
from ldirectord_py.checks.services import (
    dns,
    ftp,
    http,
    http_proxy,
    https,
    imap,
    imaps,
    ldap,
    ldaps,
    mysql,
    nntp,
    none,
    oracle,
    pgsql,
    pop,
    pops,
    radius,
    simpletcp,
    sip,
    smtp,
    submission,
)

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            dns.KIND,
            ftp.KIND,
            http.KIND,
            http_proxy.KIND,
            https.KIND,
            imap.KIND,
            imaps.KIND,
            ldap.KIND,
            ldaps.KIND,
            mysql.KIND,
            nntp.KIND,
            none.KIND,
            oracle.KIND,
            pgsql.KIND,
            pop.KIND,
            pops.KIND,
            radius.KIND,
            simpletcp.KIND,
            sip.KIND,
            smtp.KIND,
            submission.KIND,
        )
    }
)
"""All words of ``service``; ``{hostname}`` in a default login or passwd is replaced with the name of this host."""

"""The reader of ``listen``: where the page is served."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from ldirectord_py.address import Address, endpoint
from ldirectord_py.config.diagnostics import InvalidValue
from ldirectord_py.config.values import ValueContext, unquoted, unquoted_word

LOOPBACK = IPv4Address("127.0.0.1")
MAX_PORT = 65535

_HINT = "write listen=PORT for this host alone, or listen=ADDRESS:PORT"


def listen(raw: str, context: ValueContext) -> str:
    """Read a port, or an address and a port; return ``ADDRESS:PORT``."""
    text = unquoted(unquoted_word(raw, context), context)
    found = re.fullmatch(r"(?:(?P<v4>[0-9.]+):|\[(?P<v6>[0-9A-Fa-f:.]+)\]:)?(?P<port>[0-9]{1,5})", text, re.ASCII)
    if found is None:
        raise InvalidValue(f'listen cannot be "{text[:60]}"', _HINT)
    address: Address = LOOPBACK
    try:
        if found["v4"]:
            address = IPv4Address(found["v4"])
        elif found["v6"]:
            address = IPv6Address(found["v6"])
    except AddressValueError:
        raise InvalidValue(f"{found['v4'] or found['v6']} is not an address", _HINT) from None
    port = int(found["port"])
    if not 1 <= port <= MAX_PORT:
        raise InvalidValue(f"a port is from 1 to {MAX_PORT}", _HINT)
    return endpoint(address, port)

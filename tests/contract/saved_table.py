"""The lines of ``ipvsadm --save -n`` back to a table: the other direction of ``ldirectord_py.ipvs.ipvsadm``."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

from ldirectord_py.address import Address
from ldirectord_py.ipvs.ipvsadm import (
    ANY_FLAG_NAMES,
    CHECKSUMS,
    EACH_CLIENT,
    FLAG_NAMES,
    PROTOCOLS,
    SCHEDULER_FLAGS,
    TUNNEL_KINDS,
)
from ldirectord_py.ipvs.table import (
    NO_FLAGS,
    Destination,
    DestinationKey,
    FirewallMark,
    ForwardMethod,
    Service,
    ServiceFlag,
    ServiceKey,
    Table,
    Tunnel,
    VirtualAddress,
)


class NotSavedError(Exception):
    """A line is not one of ``ipvsadm --save -n``; the text says why."""


def parse(text: str) -> Table:
    """Return the table of these lines; NotSavedError at the first that is not one of ``ipvsadm --save -n``.

    A destination's service may come after it or be missing.
    """
    rows = (_row(line) for line in text.splitlines() if line.strip())
    return {row.key: row for row in rows}


def _row(line: str) -> Service | Destination:
    try:
        options = _options(line.split())
        service = _service_key(options)
        return _destination(options, service) if "-a" in options else _service(options, service)
    except (KeyError, ValueError) as error:
        raise NotSavedError(f"not a line of ipvsadm --save -n: {line.strip()!r}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


_WITH_VALUE = frozenset(["-s", "-r", "-w", "-x", "-y", "-p", "-M", "--pe", "-b", "-t", "-u", "-f", "--sctp-service"])
_WITHOUT_VALUE = frozenset(["-A", "-a", "-6", "-o", "-g", "-i", "-m", *CHECKSUMS])
_TUNNEL = frozenset(["--tun-type", "--tun-port"])


def _options(words: list[str]) -> dict[str, str]:
    """Return the options of a line with their values."""
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in _WITH_VALUE or word in _TUNNEL:
            value = next(rest, None)
            if value is None:
                raise ValueError("a value is missing")
            options[word] = value
        elif word in _WITHOUT_VALUE:
            options[word] = ""
        else:
            raise ValueError(f"unknown option {word}")
    return options


def _service_key(options: dict[str, str]) -> ServiceKey:
    if "-f" in options:
        return FirewallMark(int(options["-f"]), "-6" in options)
    for protocol, option in PROTOCOLS.items():
        if option in options:
            return VirtualAddress(protocol, *_parsed_endpoint(options[option]))
    raise ValueError("it names no service")


def _parsed_endpoint(text: str) -> tuple[Address, int]:
    address, _, port = text.rpartition(":")
    return ip_address(address.removeprefix("[").removesuffix("]")), int(port)


def _service(options: dict[str, str], key: ServiceKey) -> Service:
    flags = ServiceFlag.ONE_PACKET if "-o" in options else NO_FLAGS
    scheduler = options["-s"]
    names = FLAG_NAMES.get(scheduler, ANY_FLAG_NAMES)
    for word in filter(None, options.get("-b", "").split(",")):
        flags |= SCHEDULER_FLAGS[names.index(word)]
    each_client = EACH_CLIENT[key.ipv6]
    if "-p" not in options:
        return Service(key, scheduler, flags, mask=each_client, engine=options.get("--pe", ""))
    mask = options.get("-M", str(each_client) if key.ipv6 else "255.255.255.255")
    return Service(
        key,
        scheduler,
        flags | ServiceFlag.PERSISTENT,
        int(options["-p"]),
        int(mask) if key.ipv6 else int(IPv4Address(mask)),
        options.get("--pe", ""),
    )


def _destination(options: dict[str, str], service: ServiceKey) -> Destination:
    key = DestinationKey(service, *_parsed_endpoint(options["-r"]))
    forward = next((forward for option, forward in _FORWARDS.items() if option in options), ForwardMethod.ROUTE)
    upper, lower = int(options.get("-x", "0")), int(options.get("-y", "0"))
    return Destination(key, forward, int(options.get("-w", "1")), upper, lower, _tunnel(options))


def _tunnel(options: dict[str, str]) -> Tunnel:
    kind = TUNNEL_KINDS.index(options.get("--tun-type", "ipip"))
    flags = next((flag for flag, word in enumerate(CHECKSUMS) if word in options), 0)
    return Tunnel(kind, int(options.get("--tun-port", "0")), flags)


_FORWARDS = {"-m": ForwardMethod.MASQUERADE, "-i": ForwardMethod.TUNNEL, "-g": ForwardMethod.ROUTE}

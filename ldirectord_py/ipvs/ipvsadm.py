"""Tables as text: the lines of ``ipvsadm --save -n``, both ways, and a listing for people like ``ipvsadm -Ln``."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

from ldirectord_py.address import Address
from ldirectord_py.errors import LdirectordError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import (
    NO_FLAGS,
    Destination,
    DestinationKey,
    FirewallMark,
    Forward,
    Key,
    Protocol,
    Row,
    Service,
    ServiceFlag,
    ServiceKey,
    Table,
    Tunnel,
    VirtualAddress,
)

ALL_CLIENTS_APART = {False: 0xFFFFFFFF, True: 128}
"""The mask that groups no clients, by whether the service is one of IPv6."""

_PROTOCOLS = {Protocol.TCP: "-t", Protocol.UDP: "-u", Protocol.SCTP: "--sctp-service"}
_FORWARDS = {
    Forward.MASQUERADE: ("-m", "Masq"),
    Forward.LOCAL: ("-g", "Local"),
    Forward.TUNNEL: ("-i", "Tunnel"),
    Forward.ROUTE: ("-g", "Route"),
    Forward.BYPASS: ("-g", "Bypass"),
}
_TUNNEL_KINDS = ("ipip", "gue", "gre")
_CHECKSUMS = ("--tun-nocsum", "--tun-csum", "--tun-remcsum")
_SCHEDULER_FLAGS = (ServiceFlag.SCHED_1, ServiceFlag.SCHED_2, ServiceFlag.SCHED_3)
_FLAG_WORDS = {name: (f"{name}-fallback", f"{name}-port", "flag-3") for name in ("sh", "mh")}
_ANY_FLAG_WORDS = ("flag-1", "flag-2", "flag-3")


class TextError(LdirectordError):
    """A line is not one of ``ipvsadm --save -n``; the text says what is wrong with it."""


def in_order(table: Table) -> list[Row]:
    """Return the rows in the order of ipvsadm: each service, then its destinations, both sorted."""
    return [table[key] for key in sorted(table, key=_rank)]


def _rank(key: Key) -> tuple[object, ...]:
    if isinstance(key, DestinationKey):
        return (*_rank(key.service), key.address.version, int(key.address), key.port)
    if isinstance(key, FirewallMark):
        return (key.mark, key.ipv6, 0, 0, 0)
    return (0, key.ipv6, key.protocol, int(key.address), key.port)


def save(table: Table) -> str:
    """Return the table as ``ipvsadm --save -n`` prints it; the thresholds of destinations come on top."""
    return "".join(f"{_saved(row)}\n" for row in in_order(table))


def command(op: Op) -> str:
    """Return the ipvsadm command that does an op."""
    letter = {Verb.ADD: "a", Verb.EDIT: "e", Verb.DELETE: "d"}[op.verb]
    letter = letter.upper() if isinstance(op.row, Service) else letter
    if op.verb is not Verb.DELETE:
        return f"ipvsadm -{letter}{_saved(op.row)[2:]}"
    if isinstance(op.row, Service):
        return f"ipvsadm -{letter} {_option(op.row.key)}"
    key = op.row.key
    return f"ipvsadm -{letter} {_option(key.service)} -r {_endpoint(key.address, key.port)}"


def _saved(row: Row) -> str:
    if isinstance(row, Service):
        return " ".join(["-A", _option(row.key), "-s", row.scheduler, *_saved_options(row)])
    words = ["-a", _option(row.key.service), "-r", _endpoint(row.key.address, row.key.port)]
    words += [_FORWARDS[row.forward][0], "-w", str(row.weight)]
    if row.forward is Forward.TUNNEL:
        words += _tunnel_words(row.tunnel)
    if row.upper or row.lower:
        words += ["-x", str(row.upper), "-y", str(row.lower)]
    return " ".join(words)


def _tunnel_words(tunnel: Tunnel) -> Iterator[str]:
    yield from ("--tun-type", _TUNNEL_KINDS[tunnel.kind])
    if tunnel.port:
        yield from ("--tun-port", str(tunnel.port))
    if tunnel.kind:
        yield _CHECKSUMS[tunnel.flags]


def _option(key: ServiceKey) -> str:
    if isinstance(key, FirewallMark):
        return f"-f {key.mark} -6" if key.ipv6 else f"-f {key.mark}"
    return f"{_PROTOCOLS[key.protocol]} {_endpoint(key.address, key.port)}"


def _endpoint(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _saved_options(row: Service) -> Iterator[str]:
    if ServiceFlag.PERSISTENT in row.flags:
        yield f"-p {row.persistence}"
        if row.mask != ALL_CLIENTS_APART[row.key.ipv6]:
            yield f"-M {_mask(row)}"
    if row.engine:
        yield f"--pe {row.engine}"
    if ServiceFlag.ONE_PACKET in row.flags:
        yield "-o"
    if words := _flag_words(row):
        yield f"-b {words}"


def _mask(row: Service) -> str:
    return str(row.mask) if row.key.ipv6 else str(IPv4Address(row.mask))


def _flag_words(row: Service) -> str:
    names = _FLAG_WORDS.get(row.scheduler, _ANY_FLAG_WORDS)
    return ",".join(name for name, flag in zip(names, _SCHEDULER_FLAGS, strict=True) if flag in row.flags)


HEADER = "Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight\n"


def listing(table: Table) -> str:
    """Return the table as ``ipvsadm -Ln`` prints it, without its first line and the columns of connections."""
    return HEADER + "".join(f"{_listed(row)}\n" for row in in_order(table))


def _listed(row: Row) -> str:
    if isinstance(row, Service):
        return " ".join([_name(row.key), row.scheduler, *_listed_options(row)])
    endpoint = _endpoint(row.key.address, row.key.port)
    return f"  -> {endpoint:<28} {_FORWARDS[row.forward][1]:<7} {row.weight}"


def _name(key: ServiceKey) -> str:
    if isinstance(key, FirewallMark):
        return f"FWM  {key.mark} IPv6" if key.ipv6 else f"FWM  {key.mark}"
    return f"{key.protocol.name:<4} {_endpoint(key.address, key.port)}"


def _listed_options(row: Service) -> Iterator[str]:
    if words := _flag_words(row):
        yield f"({words})"
    if ServiceFlag.PERSISTENT in row.flags:
        yield f"persistent {row.persistence}"
        if row.mask != ALL_CLIENTS_APART[row.key.ipv6]:
            yield f"mask {_mask(row)}"
    if row.engine:
        yield f"pe {row.engine}"
    if ServiceFlag.ONE_PACKET in row.flags:
        yield "ops"


def parse(text: str) -> Table:
    """Return the table that the lines describe; TextError at the first that is not one of ``ipvsadm --save -n``.

    Rows are taken as they stand. A destination's service may come after it or be missing.
    """
    rows = (_row(line) for line in text.splitlines() if line.strip())
    return {row.key: row for row in rows}


def _row(line: str) -> Row:
    try:
        options = _options(line.split())
        service = _service_key(options)
        return _destination(options, service) if "-a" in options else _service(options, service)
    except (KeyError, ValueError) as error:
        raise TextError(f"not a line of ipvsadm --save -n: {line.strip()!r}: {_what(error)}") from error


def _what(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


_WITH_VALUE = frozenset(["-s", "-r", "-w", "-x", "-y", "-p", "-M", "--pe", "-b", "-t", "-u", "-f", "--sctp-service"])
_WITHOUT_VALUE = frozenset(["-A", "-a", "-6", "-o", "-g", "-i", "-m", *_CHECKSUMS])
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
    for protocol, option in _PROTOCOLS.items():
        if option in options:
            return VirtualAddress(protocol, *_parsed_endpoint(options[option]))
    raise ValueError("it names no service")


def _parsed_endpoint(text: str) -> tuple[Address, int]:
    address, _, port = text.rpartition(":")
    return ip_address(address.removeprefix("[").removesuffix("]")), int(port)


def _service(options: dict[str, str], key: ServiceKey) -> Service:
    flags = ServiceFlag.ONE_PACKET if "-o" in options else NO_FLAGS
    scheduler = options["-s"]
    names = _FLAG_WORDS.get(scheduler, _ANY_FLAG_WORDS)
    for word in filter(None, options.get("-b", "").split(",")):
        flags |= _SCHEDULER_FLAGS[names.index(word)]
    apart = ALL_CLIENTS_APART[key.ipv6]
    if "-p" not in options:
        return Service(key, scheduler, flags, mask=apart, engine=options.get("--pe", ""))
    mask = options.get("-M", str(apart) if key.ipv6 else "255.255.255.255")
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
    forward = next((way for option, way in _WAYS.items() if option in options), Forward.ROUTE)
    upper, lower = int(options.get("-x", "0")), int(options.get("-y", "0"))
    return Destination(key, forward, int(options.get("-w", "1")), upper, lower, _tunnel(options))


def _tunnel(options: dict[str, str]) -> Tunnel:
    kind = _TUNNEL_KINDS.index(options.get("--tun-type", "ipip"))
    flags = next((flag for flag, word in enumerate(_CHECKSUMS) if word in options), 0)
    return Tunnel(kind, int(options.get("--tun-port", "0")), flags)


_WAYS = {"-m": Forward.MASQUERADE, "-i": Forward.TUNNEL, "-g": Forward.ROUTE}

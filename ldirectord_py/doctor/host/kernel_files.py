"""What /proc, /sys and /lib/modules say: sysctls, modules, sockets, limits. Nothing is loaded or written."""

from __future__ import annotations

import gzip
import os
import re
import resource
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Final

from ldirectord_py.doctor.facts import KernelModules, link_sysctl
from ldirectord_py.ipvs.settings import EXPIRY
from ldirectord_py.runtime.file_limit import WANTED_FILES
from ldirectord_py.runtime.sysctl import sysctl_path

PLAIN_SYSCTLS: Final = (
    *("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.ip_local_port_range"),
    *EXPIRY,
    "net.ipv4.vs.conntrack",
    *("net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_count"),
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
)
LINK_SYSCTLS: Final = ("rp_filter", "arp_ignore", "arp_announce", "forwarding")
MAX_SOCKETS_BYTES: Final = 16 << 20
"""Of one table of sockets, in bytes; listening sockets come first in those of TCP."""
_IP_VS: Final = re.compile(r"^CONFIG_(IP_VS(?:_\w+)?)=([ym])$", re.MULTILINE)
_LISTENING: Final = {"tcp": "0A", "udp": "07"}


def read_sysctls(links: Iterable[str]) -> dict[str, str]:
    """Return the sysctls that matter, of all links and of these."""
    names = [*PLAIN_SYSCTLS, *(link_sysctl(link, name) for link in ("all", *links) for name in LINK_SYSCTLS)]
    names += [link_sysctl(link, "forwarding", "ipv6") for link in links]
    texts = ((name, _contents(sysctl_path(name))) for name in names)
    return {name: text.strip() for name, text in texts if text is not None}


def read_modules() -> KernelModules:
    """Return the modules of the running kernel; those that are loaded only where nothing lists the others.

    Containers have no list in /lib/modules, but may see the kernel's configuration; the kernel loads modules itself.
    """
    loaded = _contents(Path("/proc/modules"))
    folder = Path("/lib/modules") / os.uname().release
    built_in = _contents(folder / "modules.builtin")
    if built_in is None:
        config = _kernel_config()
        fixed, loadable = _configured(config, "y"), _configured(config, "m")
    else:
        config, fixed, loadable = "", _modules(built_in), _modules(_contents(folder / "modules.dep") or "")
    present = {line.split(" ", 1)[0] for line in (loaded or "").splitlines()} | set(fixed)
    may_load = (_contents(Path("/proc/sys/kernel/modules_disabled")) or "0").strip() == "0"
    return KernelModules(frozenset(present), frozenset(loadable if may_load else ()), complete=config is not None)


def _kernel_config() -> str | None:
    """Return the configuration that the kernel was built with, None if it is not to be seen."""
    try:
        return gzip.decompress(Path("/proc/config.gz").read_bytes()).decode(errors="replace")
    except OSError:
        return _contents(Path("/boot") / f"config-{os.uname().release}")


def _configured(config: str | None, how: str) -> Iterator[str]:
    """Yield the modules of IPVS that were built in (``y``) or as modules (``m``)."""
    return (found[1].lower() for found in _IP_VS.finditer(config or "") if found[2] == how)


def _modules(lines: str) -> Iterator[str]:
    """Yield the names in modules.dep or modules.builtin, as the kernel writes them."""
    for line in lines.splitlines():
        yield PurePosixPath(line.split(":", 1)[0]).name.split(".", 1)[0].replace("-", "_")


def read_ipvs_counts() -> tuple[int, int] | None:
    """Return the size of the hash table and the connections; None while ip_vs is not loaded."""
    text = _contents(Path("/proc/net/ip_vs"))
    if text is None:
        return None
    head = text.partition("\n")[0]
    size = head.partition("size=")[2].partition(")")[0]
    counts = (line.split()[-2:] for line in text.splitlines() if line.lstrip().startswith("->"))
    connections = sum(int(word) for words in counts for word in words if word.isdigit())
    return (int(size) if size.isdigit() else 0), connections


def read_sockets() -> frozenset[tuple[str, str, int]]:
    """Return protocol, address ("" for any) and port of the sockets that wait for clients; raises OSError."""
    found: set[tuple[str, str, int]] = set()
    for protocol, state in _LISTENING.items():
        for name in (protocol, f"{protocol}6"):
            with (Path("/proc/net") / name).open() as file:
                found.update(_sockets(protocol, state, file.read(MAX_SOCKETS_BYTES).splitlines()[1:]))
    return frozenset(found)


def _sockets(protocol: str, state: str, lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    for line in lines:
        words = line.split()
        if len(words) > 3 and words[3] == state:
            host, _, port = words[1].partition(":")
            address = _socket_address(host)
            yield protocol, "" if address.is_unspecified else str(address), int(port, 16)


def _socket_address(digits: str) -> IPv4Address | IPv6Address:
    """Read an address of /proc/net: words of four bytes, the lowest byte first on this host."""
    packed = b"".join(bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8))
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def file_limit(pid: int | None) -> int:
    """Return how many files the daemon may open: that of the process ``pid`` if it runs, else of one started here."""
    for line in (_contents(Path(f"/proc/{pid}/limits")) or "").splitlines() if pid else ():
        if line.startswith("Max open files"):
            words = line.split()
            return min(WANTED_FILES, int(words[4])) if words[4].isdigit() else WANTED_FILES
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return WANTED_FILES if hard == resource.RLIM_INFINITY else min(WANTED_FILES, hard)


def _contents(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None

"""Configurations of ours for benchmarks: many real servers, evenly in a few virtuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

HTTP = 'service = http\n    request = "/"'
CONNECT = "checktype = connect"
VIRTUALS = 20


def virtuals(endpoints: Sequence[str]) -> dict[str, Sequence[str]]:
    """Return real servers ``ADDRESS:PORT`` by virtual."""
    return {f"10.9.0.{number + 1}:80": endpoints[number::VIRTUALS] for number in range(min(VIRTUALS, len(endpoints)))}


def configuration(servers: Mapping[str, Sequence[str]], words: str, interval: int, timeout: int, head: str = "") -> str:
    """Return the text that has ``words`` in each virtual, and ``head`` before them."""
    text = f"checkinterval = {interval}\nchecktimeout = {timeout}\nnegotiatetimeout = {timeout}\n{head}"
    for virtual, reals in servers.items():
        lines = "".join(f"    real = {real} masq\n" for real in reals)
        text += f"virtual = {virtual}\n{lines}    protocol = tcp\n    scheduler = rr\n    {words}\n"
    return text

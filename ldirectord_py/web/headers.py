"""The headers of all answers, and which of a client's decide how an answer is sent."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import Final

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "ldirectord",
}


def add_headers(headers: MutableMapping[str, str]) -> None:
    """Give an answer what every answer has, where it has nothing else."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    headers["Server"] = HEADERS["Server"]  # aiohttp may have said its own


def prefers_gzip(accepted: Sequence[str]) -> bool:
    """Return whether a client with these ``Accept-Encoding`` headers takes gzip, and likes nothing else better."""
    weights = dict(_weights(",".join(accepted)))
    others = weights.get("*", 0.0)
    gzip = weights.get("gzip", weights.get("x-gzip", others))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weights(accepted: str) -> Iterator[tuple[str, float]]:
    """Yield each coding and its weight, 0 for one that is not understood."""
    for each in accepted.split(","):
        coding, *parameters = (part.strip().lower() for part in each.split(";"))
        yield coding, _weight(parameters)


def _weight(parameters: Sequence[str]) -> float:
    if not parameters:
        return 1.0
    name, _, value = parameters[0].partition("=")
    value = value.strip()
    digits = value.replace(".", "", 1)
    return float(value) if name.strip() == "q" and digits.isascii() and digits.isdecimal() else 0.0

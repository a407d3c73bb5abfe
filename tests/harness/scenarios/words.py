"""Names of services and servers, and parts of configurations, for all scenarios."""

from __future__ import annotations

from typing import Final

from harness.comparison.farm_network import FOUR, SIX, VIP, VIP6, VIPS

WEB, SHOP, BLOG = (f"TCP {vip}:80" for vip in VIPS)
WEB6, MARK, MARK6 = f"TCP [{VIP6}]:80", "FWM 7", "FWM 8"
A, B, C, SORRY = (f"{address}:80" for address in FOUR)
A6, B6, C6, SORRY6 = (f"[{address}]:80" for address in SIX)
FIRST, SECOND, THIRD, LAST = FOUR

START: Final = "Start"
RELOAD: Final = "Reload"
BY_HAND: Final = "Rows that somebody removed, added or changed"
RESET: Final = "`Resetting soft failure count`"
MONITORFILE: Final = "What a `monitorfile` says"

HTTP: Final = 'service = http\nrequest = "health"\nreceive = "healthy"'


def web(*reals: str, also: str = "", vip: str = VIP, check: str = "checktype = connect") -> str:
    """Return a virtual: its real servers, as ``ADDRESS:PORT METHOD WEIGHT``, and further lines."""
    lines = [f"real = {real}" for real in reals] + check.splitlines() + also.splitlines()
    return f"virtual = {vip}:80\n" + "".join(f"    {line}\n" for line in lines)


MASQ_A, MASQ_B, MASQ_C = (f"{server} masq" for server in (A, B, C))

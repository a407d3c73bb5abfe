"""The settings of IPVS that decide whether clients stay with a server that is gone or down."""

from __future__ import annotations

from typing import Final

EXPIRE_NODEST: Final = "net.ipv4.vs.expire_nodest_conn"
"""Whether a connection to a server that was removed ends with its next packet, so that the client connects again."""

EXPIRE_TEMPLATE: Final = "net.ipv4.vs.expire_quiescent_template"
"""Whether a persistent client of a server with weight 0 gets another server with its next connection."""

EXPIRY: Final = (EXPIRE_NODEST, EXPIRE_TEMPLATE)

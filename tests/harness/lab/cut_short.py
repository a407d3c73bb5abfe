"""A fork server whose daemons can end in the middle of a batch of changes of the kernel's table.

A kill from outside takes effect between two system calls, of which one writes hundreds of changes. Here a daemon has
the kernel carry out as many changes as the file says that CUT_FILE names, and ends itself with SIGKILL. While there is
no such file, it sends as always.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from harness.comparison.fork_server import load, serve
from ldirectord_py.ipvs.netlink.socket import NetlinkSocket
from ldirectord_py.ipvs.netlink.uapi import (
    GENL_ID_CTRL,
    IPVS_CMD_DEL_DEST,
    IPVS_CMD_DEL_SERVICE,
    IPVS_CMD_NEW_DEST,
    IPVS_CMD_NEW_SERVICE,
    IPVS_CMD_SET_DEST,
    IPVS_CMD_SET_SERVICE,
    NLMSGHDR,
)

COMMAND: Final = (sys.executable, "-m", "harness.lab.cut_short")
CUT_FILE: Final = "CUT_FILE"

_CHANGES: Final = frozenset(
    (
        *(IPVS_CMD_NEW_SERVICE, IPVS_CMD_SET_SERVICE, IPVS_CMD_DEL_SERVICE),
        *(IPVS_CMD_NEW_DEST, IPVS_CMD_SET_DEST, IPVS_CMD_DEL_DEST),
    )
)

Send = Callable[[NetlinkSocket, bytes], None]


def change_ends(data: bytes) -> list[int]:
    """Return where each change ends in these messages; nothing for messages that only ask."""
    ends: list[int] = []
    offset = 0
    while offset < len(data):
        length, family, *_ = NLMSGHDR.unpack_from(data, offset)
        command = data[offset + NLMSGHDR.size]
        offset += length
        if family != GENL_ID_CTRL and command in _CHANGES:
            ends.append(offset)
    return ends


def cut(send: Send) -> Send:
    """Return what sends as ``send`` does, and ends this process when it has sent as many changes as the file says."""

    def send_or_die(self: NetlinkSocket, data: bytes) -> None:
        file = Path(os.environ[CUT_FILE])
        if not (ends := change_ends(data)) or not file.exists():
            send(self, data)
            return
        left = int(file.read_text())
        send(self, data[: ends[min(left, len(ends)) - 1]])
        if left <= len(ends):
            os.kill(os.getpid(), signal.SIGKILL)
        file.write_text(str(left - len(ends)))

    return send_or_die


if __name__ == "__main__":
    load()
    NetlinkSocket.send = cut(NetlinkSocket.send)  # type: ignore[assignment,method-assign]
    serve()

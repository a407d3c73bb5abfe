"""``status``: which daemon this is, and how many of its servers are up."""

from __future__ import annotations

import os

from ldirectord_py.control.protocol import Answer, ControlRequest
from ldirectord_py.daemon.control.context import Context
from ldirectord_py.runtime.times import iso_time


async def status(context: Context, _: ControlRequest) -> Answer:
    """Return the daemon and its configuration in one object."""
    identity = context.identity
    return {
        "pid": os.getpid(),
        "version": identity.version,
        "instance": identity.instance.name,
        "config": str(identity.path),
        "started": iso_time(context.started),
        "in_force_since": iso_time(context.in_force.since),
        "summary": context.director.summary,
    }

"""Refuses a new configuration that would take most servers out of service, probably by mistake."""

from __future__ import annotations

from pathlib import Path

from ldirectord_py.config.loss import describe_loss
from ldirectord_py.config.model import Config


def refusal(path: Path, before: Config, after: Config, *, requested: bool) -> str:
    """Return why the configuration ``after`` must not replace ``before``, "" if it may.

    Without any virtual server it is refused always; with less than half of the servers only if nobody ``requested``
    the reload.
    """
    if before.virtuals and not after.virtuals:
        return f"{path} has no virtual server any more; to take all of them out, stop the daemon"
    if not requested and (lost := describe_loss(before, after)):
        return (
            f"{path} leaves out {lost}: autoreload does not remove more than half, as the file may be half"
            f" written; if it is complete, run: ldirectord {path} reload"
        )
    return ""

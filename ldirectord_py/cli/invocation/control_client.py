"""The connection of a command to its daemon."""

from __future__ import annotations

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.control.client import ControlClient, NotReachable
from ldirectord_py.instance.pid_file import instance


def connect(invocation: Invocation) -> ControlClient:
    """Return a connection to the daemon; raises NotReachable, which says whether it is stopped.

    If it is, and there is no such configuration file, raises MissingConfigError: the name is probably wrong.
    RequestError of its methods and NotReachable end a command with exit status 1 and their text.
    """
    process = instance(invocation.instance)
    try:
        return ControlClient(process.socket_file)
    except NotReachable as error:
        if process.running_pid() is None:
            invocation.config_file()  # raises if there is no such file: the name is probably wrong
            raise NotReachable(f"ldirectord is stopped for {invocation.config}") from None
        raise error from None

"""The connection of a command that waits to a daemon that may be restarted meanwhile."""

from __future__ import annotations

from typing import Any

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.control_client import connect
from ldirectord_py.control.client import ControlClient, NotReachable, may_pass
from ldirectord_py.control.protocol import RequestError


class PatientClient:
    """Asks a daemon over a new connection whenever the last one was lost; raises as ``connect``.

    Its state: the connection, None if it was lost.
    """

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._client: ControlClient | None = connect(invocation)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def ask(self, request: str, /, **arguments: Any) -> dict[str, Any]:
        """Return the answer as ``ControlClient.ask`` does; raises as that and as ``connect``."""
        try:
            if self._client is None:
                self._client = connect(self._invocation)
            return self._client.ask(request, **arguments)
        except (NotReachable, RequestError) as error:
            if may_pass(error):  # an answer that comes late must not be taken for that to the next request
                self.close()
            raise

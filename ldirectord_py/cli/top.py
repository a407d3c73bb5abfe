"""``top``: the servers of a running daemon, live, what hurts first."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ldirectord_py.cli.administer import change_text, outage_texts
from ldirectord_py.cli.invocation.arguments import Invocation, UsageError
from ldirectord_py.cli.invocation.control_client import connect
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.cli.output.screen import Screen, read_keys, terminal_size, whole_screen
from ldirectord_py.cli.output.terminal import wants_colour
from ldirectord_py.cli.output.top_view import TopAction, TopView
from ldirectord_py.control.client import ControlClient, NotReachable
from ldirectord_py.control.protocol import Code, RequestError
from ldirectord_py.control.server_replica import ServerReplica

RECONNECT_INTERVAL: Final = 1.0
"""Seconds after which a daemon that is gone is looked for again."""

ANSWER_TIMEOUT: Final = 5.0
"""Seconds for an answer to what a key asked for."""

STALE_AFTER: Final = 6.0
"""Seconds without an update, of which the daemon sends one each two seconds; then the screen says how old it is."""

DETAILS_INTERVAL: Final = 1.0
"""Seconds between two questions about the server that is open, at least."""

RESIZE_INTERVAL: Final = 0.25
"""Seconds in which a new size of the terminal is noticed, and silence of the daemon."""


def run(invocation: Invocation) -> int:
    """Show the servers until ``q``; return 0; raise NotReachable without a daemon, UsageError without a terminal."""
    OptionParser("top").parse_args(invocation.arguments)
    client = connect(invocation)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top: needs a terminal; show prints the same once")
    if os.environ.get("TERM") == "dumb":
        raise UsageError("top: this terminal (TERM=dumb) cannot move its cursor; show prints the same once")
    with whole_screen(sys.stdin.fileno()):
        Top(invocation, client).run()
    return 0


class Top:
    """Follows the daemon, and shows what it says.

    Its state: the view, the servers, the screen, the connection if there is one, which servers were asked for, when a
    daemon that is gone is looked for again, when the open server is asked for again, when the daemon was heard and when
    it answered last, and whether the screen has to be drawn again.
    """

    def __init__(self, invocation: Invocation, client: ControlClient) -> None:
        self._invocation = invocation
        self._client: ControlClient | None = client
        self._view = TopView()
        self._servers = ServerReplica()
        self._screen = Screen(colour=wants_colour(sys.stdout), encoding=sys.stdout.encoding)
        self._asked = ""
        self._due = self._details_due = 0.0
        self._answered = self._heard = time.monotonic()
        self._changed = True
        self._size = (0, 0)

    def run(self) -> None:
        """Handle keys and updates until the user quits or the terminal is gone."""
        while True:
            self._ask()
            self._draw()
            ready = self._wait()
            if self._client is not None and self._client.fileno() in ready:
                self._receive(self._client)
            if sys.stdin.fileno() in ready:
                try:
                    pressed = read_keys(sys.stdin.fileno())
                except EOFError:
                    return
                if self._press(pressed):
                    return

    def _wait(self) -> Sequence[int]:
        watched = [sys.stdin.fileno(), *([] if self._client is None else [self._client.fileno()])]
        ready: Sequence[int] = select.select(watched, (), (), RESIZE_INTERVAL)[0]
        return ready

    def _ask(self) -> None:
        """Ask once for the servers to show; for others than before on a new connection, which ends the old updates."""
        wanted = "all" if self._view.everything else "trouble"
        if (self._client is not None and wanted == self._asked) or time.monotonic() < self._due:
            return
        try:
            if self._client is None or self._asked:
                self._close()
                self._client = connect(self._invocation)
            self._client.send("watch", which=wanted)
        except (NotReachable, RequestError) as error:
            self._lost(error)
        else:
            self._asked, self._servers = wanted, ServerReplica(wanted)
            self._heard = time.monotonic()

    def _receive(self, client: ControlClient) -> None:
        """Apply the updates that are complete; a long one comes in many parts."""
        try:
            for answer in client.receive_available():
                self._answered = time.monotonic()
                self._servers.apply(answer, self._answered)
                self._view.fault, self._changed = "", True
        except (NotReachable, RequestError) as error:
            self._lost(error)
        else:
            self._heard = time.monotonic()
            self._look_again()

    def _look_again(self) -> None:
        """Ask about the server that is open, when something is new, so that its details are not older than the rest."""
        if self._changed and self._view.opened is not None and time.monotonic() >= self._details_due:
            self._act(TopAction("open", self._view.opened.full_name))

    def _close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self._asked = None, ""

    def _lost(self, error: Exception) -> None:
        self._close()
        self._due = time.monotonic() + RECONNECT_INTERVAL
        self._view.fault = self._stale_text(str(error))
        self._changed = True

    def _stale_text(self, reason: str) -> str:
        """Return why nothing new is shown, and how old it is, if anything is shown."""
        if self._view.answer is None:
            return reason
        return f"{reason}; what is shown is {time.monotonic() - self._answered:.0f} s old"

    def _press(self, pressed: Sequence[str]) -> bool:
        """Do what these keys ask for; return whether to quit."""
        self._changed = True
        for key in pressed:
            action = self._view.press(key)
            if action is not None and action.name == "quit":
                return True
            if action is not None:
                self._act(action)
        return False

    def _act(self, action: TopAction) -> None:
        """Do what a key asks for, on another connection: this one may have a long answer under way."""
        self._details_due = time.monotonic() + DETAILS_INTERVAL
        try:
            with connect(self._invocation) as client:
                if action.name == "open":
                    self._view.open(client.ask("show", ANSWER_TIMEOUT, names=[action.server], details=True))
                else:
                    user = os.environ.get("SUDO_USER") or None
                    why = action.why or None
                    answer = client.ask(action.name, ANSWER_TIMEOUT, names=[action.server], why=why, sudo_user=user)
                    self._view.message = _done_text(answer)
        except (NotReachable, RequestError) as error:
            self._view.message = str(error)
            if isinstance(error, RequestError) and error.code == Code.NOT_FOUND:
                self._view.opened = None  # it has left the configuration

    def _draw(self) -> None:
        size, now = terminal_size(), time.monotonic()
        if self._client is not None and now - self._heard > STALE_AFTER:
            self._view.fault = self._stale_text("The daemon does not answer")
            self._changed = True
        if self._changed or size != self._size:
            self._changed, self._size = False, size
            if self._servers.answer is not None:
                self._servers.set_ages(now, time.time())
                self._view.answer = self._servers.answer
            sys.stdout.write(self._screen.changes(self._view.lines(size), size))
            sys.stdout.flush()


def _done_text(answer: Mapping[str, Any]) -> str:
    """Return what became of servers that were drained or undrained."""
    lasts = [] if answer["kept"] else [f"this does not last over a restart: {answer['fault']}"]
    return "; ".join([*outage_texts(answer), *lasts, *map(change_text, answer["servers"])])

"""``top``: the servers of a running daemon, live, what hurts first."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Sequence
from typing import Final

from ldirectord_py.cli.invocation.arguments import Invocation, UsageError
from ldirectord_py.cli.invocation.control_client import connect
from ldirectord_py.cli.invocation.options import OptionParser
from ldirectord_py.cli.output.screen import Screen, read_keys, terminal_size, whole_screen
from ldirectord_py.cli.output.terminal import wants_colour
from ldirectord_py.cli.output.top_view import TopAction, TopView
from ldirectord_py.control.client import ControlClient, NotReachable
from ldirectord_py.control.protocol import RequestError

REFRESH_INTERVAL: Final = 2.0
"""Seconds between two questions to the daemon."""

MIN_REST: Final = 10
"""Times as long as an answer took, before the next question: a large installation is asked less often."""

RECONNECT_INTERVAL: Final = 1.0
"""Seconds after which a daemon that is gone is looked for again."""

ANSWER_TIMEOUT: Final = 5.0
"""Seconds for an answer that has begun, or to one that a key asked for."""

STALE_AFTER: Final = 3 * REFRESH_INTERVAL
"""Seconds without an answer after which the screen says how old it is."""

RESIZE_INTERVAL: Final = 0.25
"""Seconds in which a new size of the terminal is noticed."""


def run(invocation: Invocation) -> int:
    """Show the servers until ``q``; return 0; raise NotReachable without a daemon, UsageError without a terminal."""
    OptionParser("top").parse_args(invocation.arguments)
    client = connect(invocation)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top: needs a terminal; show prints the same once")
    with whole_screen(sys.stdin.fileno()):
        Top(invocation, client).run()
    return 0


class Top:
    """Asks the daemon again and again, and shows what it says.

    Its state: the view, the screen, the connection if there is one, when the next question is due, whether it waits for
    an answer, when it asked, when the last answer came, and whether the screen has to be drawn again.
    """

    def __init__(self, invocation: Invocation, client: ControlClient) -> None:
        self._invocation = invocation
        self._client: ControlClient | None = client
        self._view = TopView()
        self._screen = Screen(colour=wants_colour(sys.stdout))
        self._due = 0.0
        self._waiting = False
        self._asked = 0.0
        self._answered = time.monotonic()
        self._changed = True
        self._size = (0, 0)

    def run(self) -> None:
        """Handle keys and answers until the user quits or the terminal is gone."""
        while True:
            self._ask_when_due()
            self._draw()
            ready = self._wait()
            if self._client is not None and self._waiting and self._client.fileno() in ready:
                self._receive(self._client)
            if sys.stdin.fileno() in ready:
                try:
                    pressed = read_keys(sys.stdin.fileno())
                except EOFError:
                    return
                if self._press(pressed):
                    return

    def _wait(self) -> Sequence[int]:
        watched = [sys.stdin.fileno()]
        if self._client is not None and self._waiting:
            watched.append(self._client.fileno())
        timeout = RESIZE_INTERVAL if self._waiting else min(RESIZE_INTERVAL, max(0.0, self._due - time.monotonic()))
        ready: Sequence[int] = select.select(watched, (), (), timeout)[0]
        return ready

    def _ask_when_due(self) -> None:
        if self._waiting or time.monotonic() < self._due:
            return
        try:
            if self._client is None:
                self._client = connect(self._invocation)
            self._client.send("show", which="all" if self._view.everything else "trouble")
        except (NotReachable, RequestError) as error:
            self._lost(error)
        else:
            self._waiting, self._asked = True, time.monotonic()

    def _receive(self, client: ControlClient) -> None:
        self._waiting = False
        try:
            self._view.answer = client.receive(ANSWER_TIMEOUT)
        except (NotReachable, RequestError) as error:
            self._lost(error)
        else:
            self._view.fault = ""
            self._answered = time.monotonic()
            took = self._answered - self._asked
            self._due = self._answered + max(REFRESH_INTERVAL, MIN_REST * took)
            self._changed = True

    def _lost(self, error: Exception) -> None:
        if self._client is not None:
            self._client.close()
        self._client, self._waiting = None, False
        self._due = time.monotonic() + RECONNECT_INTERVAL
        self._view.fault = f"{error}; what is shown is {time.monotonic() - self._answered:.0f} s old"
        self._changed = True

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
        if action.name == "refresh":
            self._due = 0.0
            return
        try:
            with connect(self._invocation) as client:  # the other connection may have a long answer under way
                if action.name == "open":
                    self._view.details = client.ask("show", ANSWER_TIMEOUT, names=[action.server], details=True)
                else:
                    user = os.environ.get("SUDO_USER") or None
                    why = action.why or None
                    client.ask(action.name, ANSWER_TIMEOUT, names=[action.server], why=why, sudo_user=user)
                    self._view.message = f"{action.server}: {action.name}"
                    self._due = 0.0
        except (NotReachable, RequestError) as error:
            self._view.message = str(error)

    def _draw(self) -> None:
        size = terminal_size()
        age = time.monotonic() - self._answered
        if self._waiting and age > STALE_AFTER:
            self._view.fault = f"The daemon does not answer; what is shown is {age:.0f} s old"
            self._changed = True
        if self._changed or size != self._size:
            self._changed, self._size = False, size
            sys.stdout.write(self._screen.changes(self._view.lines(size), size))
            sys.stdout.flush()

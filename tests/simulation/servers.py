"""Simulated real servers: how one answers a connection or a datagram now."""

from __future__ import annotations

import errno
from collections import deque
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Final

from simulation.clock import CLOCK
from simulation.conversation import MARGIN, Attempt, Conversation
from simulation.datagrams import GARBAGE, RIGHT, SPOOFED, WRONG
from simulation.site import UDP_KINDS

if TYPE_CHECKING:
    from simulation.commands import SimulatedCommand
    from simulation.datagrams import SimulatedDatagramSocket
    from simulation.network import SimulatedSocket
    from simulation.world import World


class Conduct(Enum):
    """What a server does with connections."""

    UP = auto()
    DARK = auto()  # drops every packet
    HUNG = auto()  # accepts, and never answers
    REFUSED = auto()
    UNREACHABLE = auto()
    RESET = auto()  # resets the connection instead of an answer
    BROKEN_OFF = auto()  # resets it in the middle of the answer
    WRONG = auto()  # answers something else
    SPOOFED = auto()  # somebody else answers another question
    GARBAGE = auto()  # no answer of the protocol
    DRIP = auto()  # one byte each second
    ENDLESS = auto()  # an answer without an end
    SLOW = auto()  # answers after ``delay``
    LOSSY = auto()  # loses some packets, which are sent again


_UP: Final = Conduct.UP

RETRANSMISSION: Final = 1.0
"""Seconds until Linux sends a first packet again."""

IDLE_TIMEOUT: Final = 1.0
"""Seconds after which some servers hang up that were asked nothing."""

DOUBT_TIME: Final = 60.0
"""Seconds after which a result that was late or lost decides no state any more."""

_ANSWERS: Final = {
    "http": b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\nConnection: close\r\n\r\nall is well",
    "simpletcp": b"all is well\r\n",
}
_WRONG: Final = {
    "http": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate",
    "simpletcp": b"nothing is well\r\n",
}
_GARBAGE: Final = (
    b"\0\xff" * 64,
    b"HTTP/1.1 " + b"9" * 4096 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 3000,
)
_INCOMPLETE: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"


class Server:
    """A server at one address and port, probed by ``kind``; some are far away, some hang up on who asks nothing.

    It is probed each ``checkinterval`` seconds, or at another interval of its virtual, of at most ``max_interval``. Its
    state: its conduct, since when (``changed``) and because of which fault point; since when it is probed
    (``planned_since``), until when results may be late, lost, or of probes out of turn (``doubtful_until``), its open
    conversations, and the last attempts.
    """

    def __init__(self, world: World, kind: str, timeout: float) -> None:
        self.world = world
        self._on_begin = world.checks.on_begin
        self.kind = kind
        self.timeout = timeout
        self.checkinterval = self.max_interval = timeout
        is_far = world.draw.random() < 0.3
        self.rtt = world.draw.uniform(0.02, 0.08 * timeout) if is_far else world.draw.uniform(0.0002, 0.003)
        self.idle_timeout = IDLE_TIMEOUT if world.draw.random() < 0.4 else inf
        self.delay = 0.0
        self.conduct = Conduct.UP
        self.point = ""
        self.changed = self.planned_since = CLOCK.now
        self.doubtful_until = -inf
        self.attempts: deque[Attempt] = deque(maxlen=24)
        self.probes = 0
        self.open: set[Conversation] = set()

    @property
    def is_good(self) -> bool | None:
        """Whether a probe that nothing disturbs passes; None where it may or may not."""
        match self.conduct:
            case Conduct.UP:
                return True
            case Conduct.LOSSY:
                return None
            case Conduct.DARK | Conduct.REFUSED | Conduct.UNREACHABLE:
                return False
            case _ if self.kind == "connect":
                return True  # it is accepted, and asks nothing
            case Conduct.SLOW if self.delay < self.timeout:
                return True if self.delay < self.timeout - 2 * MARGIN else None
            case _:
                return False

    @property
    def is_doubtful(self) -> bool:
        """Whether the director may not know what its last attempts were told, or may know of others."""
        return self.doubtful_until > CLOCK.now - DOUBT_TIME

    def behave(self, conduct: Conduct, point: str = "", delay: float = 0.0) -> None:
        """Change the conduct, for connections and requests from now on."""
        self.conduct, self.point, self.delay, self.changed = conduct, point, delay, CLOCK.now
        self.world.conduct_changes += 1

    def on_open(self, opened: Conversation) -> None:
        """Count a conversation that begins."""
        if self.point:
            self.world.hit(self.point)
        self._on_begin(self)
        self.probes += 1
        self.open.add(opened)

    def on_connect(self, connecting: SimulatedSocket) -> None:
        """Answer the first packet of a connection."""
        self.on_open(connecting)
        if self.conduct is _UP:  # nearly all
            self._accept(connecting, self.rtt)
            return
        after = self.world.after
        match self.conduct:
            case Conduct.DARK:
                connecting.connect_delay = inf
            case Conduct.REFUSED:
                connecting.refused = True
                after(self.rtt, connecting.fail, errno.ECONNREFUSED)
            case Conduct.UNREACHABLE:
                connecting.refused = True
                after(3.0, connecting.fail, errno.EHOSTUNREACH)
            case _:
                lost = self.conduct is Conduct.LOSSY and self.world.luck.random() < self.delay
                self._accept(connecting, self.rtt + (RETRANSMISSION if lost else 0.0))

    def on_request(self, asking: SimulatedSocket, request: bytes) -> None:
        """Answer a request."""
        kind = "http" if request.startswith(b"GET ") else "simpletcp"
        asking.right = True
        asking.answer_delay = self.rtt
        self._hit()
        if self.conduct is _UP:
            self._send(asking, _ANSWERS[kind])
        else:
            self._answer_otherwise(asking, kind)

    def _answer_otherwise(self, asking: SimulatedSocket, kind: str) -> None:
        after, answer = self.world.after, _ANSWERS[kind]
        match self.conduct:
            case Conduct.DARK | Conduct.HUNG | Conduct.UNREACHABLE:
                asking.answer_delay = inf
            case Conduct.RESET | Conduct.REFUSED:
                asking.right = False
                after(self.rtt, asking.reset)
            case Conduct.BROKEN_OFF:
                asking.right = False
                after(self.rtt, asking.deliver, _INCOMPLETE if kind == "http" else b"", False)
                after(2 * self.rtt, asking.reset)
            case Conduct.WRONG | Conduct.SPOOFED:
                asking.right = False
                self._send(asking, _WRONG[kind])
            case Conduct.GARBAGE:
                asking.right = False
                self._send(asking, self.world.luck.choice(_GARBAGE))
            case Conduct.DRIP:
                asking.answer_delay = inf
                self._drip(asking, answer[:-1])
            case Conduct.ENDLESS:
                asking.right, asking.answered = False, True
                self._flood(asking, _INCOMPLETE)
            case Conduct.SLOW:
                asking.answer_delay = self.delay
                after(self.delay, asking.deliver, answer, True)
            case Conduct.LOSSY if self.world.luck.random() < self.delay:
                asking.answer_delay += RETRANSMISSION
                after(asking.answer_delay, asking.deliver, answer, True)
            case _:
                self._send(asking, answer)

    def on_datagram(self, asking: SimulatedDatagramSocket, request: bytes) -> None:
        """Answer a datagram; the request may be sent again."""
        self._hit()
        kind = self.kind if self.kind in UDP_KINDS else UDP_KINDS[0]
        match self.conduct:
            case Conduct.DARK | Conduct.HUNG | Conduct.DRIP:
                pass
            case Conduct.UNREACHABLE:
                asking.refuse_after(3.0, errno.EHOSTUNREACH)
            case Conduct.REFUSED | Conduct.RESET | Conduct.BROKEN_OFF:
                asking.refuse_after(self.rtt, errno.ECONNREFUSED)
            case Conduct.WRONG:
                asking.answer_after(self.rtt, WRONG[kind](request), right=False)
            case Conduct.SPOOFED:
                asking.answer_after(self.rtt, SPOOFED[kind](request), right=False)
            case Conduct.GARBAGE:
                asking.answer_after(self.rtt, self.world.luck.choice(GARBAGE)(request), right=False)
            case Conduct.ENDLESS:
                if not asking.answered:
                    self._flood_datagrams(asking, SPOOFED[kind](request))
            case Conduct.LOSSY if self.world.luck.random() < self.delay:
                pass
            case _:
                late = self.conduct is Conduct.SLOW
                asking.answer_after(self.delay if late else self.rtt, RIGHT[kind](request))

    def on_command(self, started: SimulatedCommand) -> None:
        """Let the command of an external check find what it asks this server."""
        self.on_open(started)
        match self.conduct:
            case Conduct.DARK | Conduct.DRIP | Conduct.UNREACHABLE:
                pass
            case Conduct.HUNG | Conduct.ENDLESS:
                started.is_stubborn = True
            case Conduct.UP:
                started.end_after(self.rtt, 0)
            case Conduct.SLOW:
                started.end_after(self.delay, 0)
            case Conduct.LOSSY:
                lost = self.world.luck.random() < self.delay
                started.end_after(self.rtt + (RETRANSMISSION if lost else 0.0), 0)
            case _:
                started.end_after(self.rtt, 1)

    def on_close(self, closing: Conversation) -> None:
        """Record what the probe was told."""
        self.open.discard(closing)
        now, begin = CLOCK.now, closing.begin
        self.attempts.append(Attempt(begin, now, closing.told(self.timeout, now - begin)))

    def _accept(self, connecting: SimulatedSocket, delay: float) -> None:
        connecting.connect_delay = delay
        self.world.after(delay, connecting.accept)
        if self.idle_timeout < inf:
            self.world.after(delay + self.idle_timeout, connecting.hang_up)

    def _send(self, asking: SimulatedSocket, answer: bytes) -> None:
        """Send an answer and close; sometimes in two pieces."""
        if self.world.luck.random() < 0.05:
            cut = self.world.luck.randrange(len(answer))
            self.world.after(self.rtt, asking.deliver, answer[:cut], False)
            self.world.after(1.5 * self.rtt, asking.deliver, answer[cut:], True)
            asking.answer_delay = 1.5 * self.rtt
        else:
            self.world.after(self.rtt, asking.deliver, answer, True)

    def _drip(self, asking: SimulatedSocket, rest: bytes) -> None:
        if rest and asking in self.open:
            asking.deliver(rest[:1], False)
            self.world.after(1.0, self._drip, asking, rest[1:])

    def _flood(self, asking: SimulatedSocket, piece: bytes) -> None:
        if asking in self.open:
            asking.deliver(piece, False)
            self.world.after(0.005, self._flood, asking, b"x" * 65536)

    def _flood_datagrams(self, asking: SimulatedDatagramSocket, data: bytes) -> None:
        if asking in self.open:
            asking.answer_after(0.0, data, right=False)
            self.world.after(0.005, self._flood_datagrams, asking, data)

    def _hit(self) -> None:
        if self.point:
            self.world.hit(self.point)

"""Simulated real servers: how one answers a connection now, and what each probe of it was told in truth."""

from __future__ import annotations

import errno
from collections import deque
from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from simulation.clock import CLOCK

if TYPE_CHECKING:
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
    GARBAGE = auto()  # no answer of the protocol
    DRIP = auto()  # one byte each second
    ENDLESS = auto()  # an answer without an end
    SLOW = auto()  # answers after ``delay``
    LOSSY = auto()  # loses some packets, which are sent again


class Told(Enum):
    """What a probe was told by its server, whatever the director makes of it."""

    GOOD = auto()  # the right answer, in time
    BAD = auto()
    INNOCENT = auto()  # the server did its part or would have, in time, but the probe did not hear it
    UNCLEAR = auto()  # at the edge of the time limit, or later because this host stood still
    NOTHING = auto()  # a fault of this host, or the probe ended early


class Attempt(NamedTuple):
    """One connection of a probe."""

    begin: float
    end: float
    told: Told


RETRANSMISSION: Final = 1.0
"""Seconds until Linux sends a first packet again."""

IDLE_TIMEOUT: Final = 1.0
"""Seconds after which some servers hang up that were asked nothing."""

MARGIN: Final = 0.1
"""Seconds around the time limit in which a probe may be judged either way: ticks, and a turn of the loop."""

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

    Its state: its conduct, since when (``changed``) and because of which fault point; since when it is probed
    (``planned_since``), when it was last probed out of turn (``probed_extra``), its open connections, and the last
    attempts.
    """

    def __init__(self, world: World, kind: str, timeout: float, interval: float) -> None:
        self.world = world
        self.kind = kind
        self.timeout = timeout
        self.interval = interval
        is_far = world.draw.random() < 0.3
        self.rtt = world.draw.uniform(0.02, 0.08 * timeout) if is_far else world.draw.uniform(0.0002, 0.003)
        self.idle_timeout = IDLE_TIMEOUT if world.draw.random() < 0.4 else inf
        self.delay = 0.0
        self.conduct = Conduct.UP
        self.point = ""
        self.changed = self.planned_since = CLOCK.now
        self.probed_extra = -inf
        self.attempts: deque[Attempt] = deque(maxlen=24)
        self.probes = 0
        self.open: set[SimulatedSocket] = set()

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

    def behave(self, conduct: Conduct, point: str = "", delay: float = 0.0) -> None:
        """Change the conduct, for connections and requests from now on."""
        self.conduct, self.point, self.delay, self.changed = conduct, point, delay, CLOCK.now

    def on_connect(self, connecting: SimulatedSocket) -> None:
        """Answer the first packet of a connection."""
        self._hit()
        self.world.checks.on_begin(self)
        self.probes += 1
        self.open.add(connecting)
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
                connecting.connect_delay = self.rtt + (RETRANSMISSION if lost else 0.0)
                after(connecting.connect_delay, connecting.accept)
                if self.idle_timeout < inf:
                    after(connecting.connect_delay + self.idle_timeout, connecting.hang_up)

    def on_request(self, asking: SimulatedSocket, request: bytes) -> None:
        """Answer a request."""
        self._hit()
        after = self.world.after
        kind = "http" if request.startswith(b"GET ") else "simpletcp"
        answer = _ANSWERS[kind]
        asking.right = True
        asking.answer_delay = self.rtt
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
            case Conduct.WRONG:
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

    def on_close(self, closing: SimulatedSocket) -> None:
        """Record what the probe was told."""
        self.open.discard(closing)
        told = _told(closing, self.timeout, CLOCK.now - closing.begin)
        self.attempts.append(Attempt(closing.begin, CLOCK.now, told))

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

    def _hit(self) -> None:
        if self.point:
            self.world.hit(self.point)


def _told(closing: SimulatedSocket, timeout: float, elapsed: float) -> Told:
    """Return what a probe was told that ends now, after so many seconds."""
    if closing.hung_up:
        return Told.INNOCENT
    over = elapsed >= timeout - MARGIN / 2
    if closing.refused:
        return Told.BAD if closing.error or over else Told.NOTHING
    delay = closing.connect_delay + (closing.answer_delay if closing.requested else 0.0)
    heard = closing.answered if closing.requested else closing.accepted
    if closing.requested and not closing.right:
        return Told.BAD if heard else Told.UNCLEAR
    if delay < timeout - MARGIN:
        return Told.GOOD if heard else Told.INNOCENT if over else Told.NOTHING
    if heard or delay <= timeout + MARGIN:
        return Told.UNCLEAR
    return Told.BAD if over else Told.NOTHING

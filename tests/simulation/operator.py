"""The simulated operator: edits the file, reloads, drains servers, and changes the kernel's table by hand.

It knows what the director should have in force, which ``truth.py`` compares with what it has.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ldirectord_py.ipvs.diff import Op
from ldirectord_py.ipvs.table import Destination, DestinationKey, Key, Row, ServiceKey
from ldirectord_py.report.events import Checked, Drifted, Event, Written
from simulation.clock import CLOCK
from simulation.site import RealSpec, SiteSpec, VirtualSpec, text_of
from simulation.transports import ControlConnection, ControlSockets
from simulation.truth import RELOAD_TIME

if TYPE_CHECKING:
    from simulation.world import World

RETRY_TIME: Final = 1.0
"""Seconds after which a command is sent again that nobody answered."""

ANSWER_TIME: Final = 5.0
"""Seconds in which a command is answered, also while the state file cannot be written."""

SLOW_COMMANDS: Final = {"check-now": 150.0}
"""Seconds in which the commands are answered that may take longer."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command that is sent until it is answered, as long as it ``is_wanted``; then ``on_answer`` is called."""

    command: str
    arguments: Mapping[str, object]
    on_answer: Callable[[], None] = lambda: None
    is_wanted: Callable[[], bool] = lambda: True

    def line(self) -> bytes:
        """Return what is sent."""
        return json.dumps({"v": 1, "id": 1, "request": self.command, **self.arguments}).encode() + b"\n"


class Operator:
    """Its state: the configuration that is to be in force, and since when; who is drained or disabled; what was done
    to the kernel's table by hand; and the director's control socket.

    ``foreign`` are services of others, ``edits`` the weights set by hand (``_read_edits``: as the director has read
    them), ``left_over`` the services that may stay after a stop or a reload (cleanstop=no).
    """

    def __init__(self, world: World, site: SiteSpec) -> None:
        self.world = world
        self.site = site
        self.in_force_since = CLOCK.now
        self.administered: dict[DestinationKey, str] = {}
        self.foreign: dict[ServiceKey, dict[Key, Row]] = {}
        self.edits: dict[Key, int | None] = {}
        self._read_edits: dict[Key, int] = {}
        self.left_over: set[ServiceKey] = set()
        self.sockets: ControlSockets | None = None
        self._administered_once: set[str] = set()
        self._descriptor = 2_000_000
        self._written = 0

    def listening_socket(self, path: Path) -> ControlSockets:
        """Stand in for ``listening_socket`` of the control socket."""
        path.touch()
        self._descriptor += 1
        self.sockets = ControlSockets(self.world, self._descriptor)
        return self.sockets

    def on_event(self, event: Event) -> None:
        """Forget an edit by hand of a row whose server has changed, or that the director writes otherwise."""
        match event:
            case Drifted(found=Destination(key, _, weight), repaired=False):
                self._read_edits[key] = weight
            case Checked() if _has_changed(event):
                self._on_change(event)
            case Written(op=Op(row=Destination(key, _, weight))):
                if self.edits.get(key, weight) != weight:
                    del self.edits[key]
                    self._read_edits.pop(key, None)

    def _on_change(self, event: Checked) -> None:
        """Forget the edit of the row of a server that came up or went down.

        Not while panic keeps it in; and once it is up again, not an edit that the director has not read yet: for it,
        the row is as it should be.
        """
        key = DestinationKey(event.virtual.key, event.real.server, event.real.port)
        if key in self.world.checks.damping.kept:
            return
        if event.virtual.panic is None or self._read_edits.get(key) == self.edits.get(key):
            self.edits.pop(key, None)
            self._read_edits.pop(key, None)

    def on_start(self) -> None:
        """Let services stay that the configuration of the new process does not have: it cannot know them."""
        self._read_edits.clear()
        ours = {virtual.key for virtual in self.site.virtuals}
        self.left_over |= set(self.world.kernel.services) - ours - self.foreign.keys()

    def on_stopped(self) -> None:
        """Check what is left in the kernel after an ordered stop."""
        ours = {key for key in self.world.kernel.services if key in {virtual.key for virtual in self.site.virtuals}}
        if self.site.cleanstop and ours and CLOCK.now > self.world.kernel_disturbed_until:
            self.world.checks.fail("I5", f"services stay after the stop: {ours}")
        self.left_over |= ours

    # The file.

    def write(self, text: str) -> None:
        """Write the file; its time is simulated, as are all times."""
        path = self.world.process.path
        path.write_text(text)
        self._written += 1
        moment = CLOCK.now + CLOCK.offset + self._written / 1e6
        os.utime(path, (moment, moment))

    def edit(self, site: SiteSpec) -> None:
        """Put another configuration in force, soon."""
        kept = {virtual.key for virtual in site.virtuals}
        for virtual in self.site.virtuals:
            if virtual.key not in kept and not self.site.cleanstop:
                self.left_over.add(virtual.key)
        if site.workers != self.site.workers:
            self._expect_moved_checks()
        self._replace_site(site)
        self.write(text_of(site))
        self.expect_reload()
        if not site.autoreload:
            self.reload()

    def _expect_moved_checks(self) -> None:
        """Expect that checks which other processes get overlap, and that results of the former ones get lost."""
        world = self.world
        world.lose_results(2 * RELOAD_TIME)
        world.extra_probes += 1
        world.after(2 * RELOAD_TIME, world.end_extra_probe)

    def move(self, index: int, place: int, real: RealSpec, seconds: float) -> None:
        """Let the name of a server have another address, which is to be in force after so many seconds."""
        virtual = self.site.virtuals[index]
        reals = (*virtual.reals[:place], real, *virtual.reals[place + 1 :])
        self._replace_site(self.site.with_virtual(index, replace(virtual, reals=reals)))
        self.expect_reload(seconds)

    def _replace_site(self, site: SiteSpec) -> None:
        former = {key for _, _, key in self.site.reals()}
        self._drop_servers(site)
        self.site = site
        self.place_servers()
        for virtual, real, key in site.reals():
            if key not in former and _name(virtual, real, key) in self._administered_once:
                self.administer("", virtual, real, key)  # the director may still have what was done to it

    def expect_reload(self, seconds: float = RELOAD_TIME) -> None:
        """Expect the configuration of the file to be in force after so many seconds."""
        self.in_force_since = max(self.in_force_since, CLOCK.now + seconds)

    def reload(self) -> None:
        """Send SIGHUP; before the process handles it, it waits."""
        self.expect_reload()
        loop = self.world.loop
        if loop is not None and signal.SIGHUP not in loop.signals:
            self.world.host.hangup_waits = True
        self.world.process.signal(signal.SIGHUP)

    def place_servers(self) -> None:
        """Let there be a server at each address of the configuration."""
        for virtual, real, _ in self.site.reals():
            server = self.world.server(real.server, virtual.kind, self.site)
            server.kind, server.timeout, server.checkinterval = virtual.kind, self.site.timeout, self.site.interval
            server.max_interval = max(self.site.interval, virtual.fast_interval, virtual.down_interval)
            if real.name:
                self.world.resolver.addresses[real.name] = real.address

    def _drop_servers(self, site: SiteSpec) -> None:
        """Follow the rows of the servers that the new configuration does not have."""
        present, names = {key for _, _, key in site.reals()}, {real.name for _, real, _ in site.reals()} - {""}
        for _, real, key in self.site.reals():
            if key not in present:
                drained = self.administered.pop(key, "") == "drain"
                self.world.leaving.leave(key, drained=drained, moved=real.name in names)
        for key in present:
            self.world.leaving.come_back(key)

    # The commands.

    def administer(self, state: str, virtual: VirtualSpec, real: RealSpec, key: DestinationKey) -> None:
        """Drain, disable or enable a server, until the director has answered, or the server is gone."""
        command = {"drain": "drain", "disable": "disable", "": "enable"}[state]
        name = _name(virtual, real, key)
        self._administered_once.add(name)
        self.edits.pop(key, None)
        if state:
            self.administered[key] = state
        else:
            self.administered.pop(key, None)

        def is_wanted() -> bool:
            present = any(key in each.keys for each in self.site.virtuals)
            return present and self.administered.get(key, "") == state

        self.ask(Request(command, {"names": [name]}, is_wanted=is_wanted))

    def ask(self, request: Request) -> None:
        """Send a request until it is answered; until then the director may have what it changes, or not."""
        if not request.is_wanted():
            return
        self.expect_reload(ANSWER_TIME + 1.0)
        if self.sockets is None or not self.world.process.is_ready:
            self.world.after(RETRY_TIME, self.ask, request)
            return
        life, answered = self.world.life, False

        def on_line(line: bytes | None) -> None:
            nonlocal answered
            if line is None or life != self.world.life or (answer := json.loads(line)).get("more"):
                return
            client.leave()
            if _is_early(answer):
                return  # the server is in the file, but not in force yet
            answered = True
            self._on_answer(request, answer)
            if not answer.get("kept", True):
                self._ask_after_a_kill(life, request)

        def look_again() -> None:
            if not answered:
                self.ask(request)

        client = ControlConnection(self.world, request.line(), on_line)
        self.sockets.connect(client)
        self.world.after(SLOW_COMMANDS.get(request.command, ANSWER_TIME), look_again)

    def _ask_after_a_kill(self, life: int, request: Request) -> None:
        """Ask again when the process that did not keep a request on the disk is killed."""
        if life != self.world.life:
            self.ask(request)
        elif request.is_wanted():
            self.world.after(RETRY_TIME, self._ask_after_a_kill, life, request)

    def _on_answer(self, request: Request, answer: Mapping[str, Any]) -> None:
        self.world.trace("answer", request.command, answer.get("ok"), answer.get("error"))
        if not answer["ok"] and answer["error"]["code"] not in {"refused", "busy"}:
            self.world.checks.fail("I9", f"{request.command} is answered with {answer['error']}")
        request.on_answer()
        self.expect_reload(1.0)


def _is_early(answer: Mapping[str, Any]) -> bool:
    return not answer["ok"] and answer["error"]["code"] == "not_found"


def _name(virtual: VirtualSpec, real: RealSpec, key: DestinationKey) -> str:
    """Return the name of a server in commands."""
    return f"{virtual.id}/{f'{real.name}:{real.port}' if real.name else key.endpoint}"


def _has_changed(event: Checked) -> bool:
    return event.transition.rose or event.transition.fell

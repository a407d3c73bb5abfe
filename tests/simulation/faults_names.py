"""Fault points of what else the director asks: the resolver, and the mail server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from simulation.drawn_sites import spare_real
from simulation.faults import Fault, point

if TYPE_CHECKING:
    from simulation.world import World

RESOLVE_TIME: Final = 25.0
"""Seconds after which a name has its address again: resolveinterval, and a look-up that hung."""

FIRST_SPARE: Final = 50
"""Spare servers from this number on are those that names move to."""


@point("F41")
def no_names(world: World, fault: Fault) -> None:
    """Let the resolver hang, fail, know nothing, or know names without addresses."""
    resolver = world.resolver
    resolver.conduct = ("hung", "broken", "unknown", "empty")[fault.target % 4]
    world.operator.expect_reload(fault.seconds + RESOLVE_TIME)

    def end() -> None:
        resolver.conduct = "up"
        world.operator.expect_reload(RESOLVE_TIME)

    world.after(fault.seconds, end)


@point("F41-moved")
def moved(world: World, fault: Fault) -> None:
    """Let a name have another address, where another server answers."""
    operator = world.operator
    for index, virtual in enumerate(operator.site.virtuals):
        for place, (real, key) in enumerate(zip(virtual.reals, virtual.keys, strict=True)):
            fresh = spare_real(virtual, FIRST_SPARE + fault.target % 40, real.weight)
            if real.name and key not in operator.administered and fresh.address != real.address:
                world.hit("F41-moved")
                operator.move(index, place, replace(fresh, port=real.port, name=real.name), RESOLVE_TIME)
                return


@point("F45")
def no_mail(world: World, fault: Fault) -> None:
    """Let the mail server be dark, refuse connections, or reject mails."""
    world.mail.conduct = ("dark", "refused", "rejecting")[fault.target % 3]
    world.after(fault.seconds, setattr, world.mail, "conduct", "up")

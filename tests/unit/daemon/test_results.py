"""Each result goes to the director, and on to the monitorfiles of the virtuals that it informs."""

from __future__ import annotations

from builders import KINDS, config, down, real, unjudged, up, virtual
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import Real, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.results import noting
from ldirectord_py.ipvs.kernel import MemoryKernel

SERVER = real("10.1.0.1:80")


async def test_a_result_is_noted_for_each_virtual_with_a_monitorfile() -> None:
    one = virtual("10.0.0.1:80", SERVER, monitorfile="/one")
    two = virtual("10.0.0.2:80", SERVER, monitorfile="/two")
    director = Director(MemoryKernel(), compile_config(config(one, two, virtual("10.0.0.3:80", SERVER)), KINDS))
    await director.start()
    noted: list[tuple[str | None, str, str]] = []

    def note(site: Virtual, server: Real, result: Result) -> None:
        noted.append((site.monitorfile, str(server), result.reason))

    take = noting(director, note)
    (check,) = director.compiled.plan
    take(check, up())
    take(check, unjudged())
    assert all(state.up for state in director.health.values())
    director.maintain({key for key, (site, _) in director.compiled.reals.items() if site is two})
    take(check, down())
    assert noted == [
        ("/one", "10.1.0.1:80", "ok"),
        ("/two", "10.1.0.1:80", "ok"),
        ("/one", "10.1.0.1:80", "connect refused"),
        ("/two", "10.1.0.1:80", "Server in maintenance"),
    ]
    await director.reload(compile_config(config(), KINDS))
    take(check, up())
    assert len(noted) == 4

"""Probes are published for the virtuals that have a monitorfile, and for no others."""

from __future__ import annotations

from builders import KINDS, config, down, real, unjudged, up, virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.report.events import Event, Probed

SERVER = real("10.1.0.1:80")


async def test_a_probe_is_published_for_each_virtual_with_a_monitorfile() -> None:
    one = virtual("10.0.0.1:80", SERVER, monitorfile="/one")
    two = virtual("10.0.0.2:80", SERVER, monitorfile="/two")
    probed: list[tuple[str | None, str, str]] = []

    def listen(event: Event) -> None:
        if isinstance(event, Probed):
            probed.append((event.virtual.monitorfile, str(event.real), event.result.reason))

    site = config(one, two, virtual("10.0.0.3:80", SERVER))
    director = Director(MemoryKernel(), compile_config(site, KINDS), [listen])
    await director.start()
    (check,) = director.compiled.plan
    director.observe(check, up())
    director.observe(check, unjudged())
    assert all(state.up for state in director.health.values())
    director.set_maintenance({each.key for each in director.compiled.reals() if each.virtual is two})
    director.observe(check, down())
    assert probed == [
        ("/one", "10.1.0.1:80", "ok"),
        ("/two", "10.1.0.1:80", "ok"),
        ("/one", "10.1.0.1:80", "connect refused"),
        ("/two", "10.1.0.1:80", "Server in maintenance"),
    ]
    await director.reload(compile_config(config(), KINDS))
    director.observe(check, up())
    assert len(probed) == 4

"""A weight that somebody set, or the removal of a row, is left so while the servers behind the row are the same."""

from __future__ import annotations

from builders import KINDS, config, real, service_key, virtual
from ldirectord_py.config.model import Virtual
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.manual_edits import ManualEdits
from ldirectord_py.ipvs.table import Destination, DestinationKey, ForwardMethod, Service, Tunnel
from ldirectord_py.report.events import Drifted

WEB = "10.0.0.1:80"


def destination(address: str, weight: int) -> Destination:
    found = real(address)
    return Destination(DestinationKey(service_key(WEB), found.server, found.port), ForwardMethod.MASQUERADE, weight)


FIRST, SECOND = destination("10.1.0.1:80", 0), destination("10.1.0.2:80", 1)


def compiled(*virtuals: Virtual) -> CompiledConfig:
    return compile_config(config(*virtuals), KINDS)


def test_what_is_accepted_is_remembered_and_published() -> None:
    edits = ManualEdits()
    assert edits.record_drift(Drifted(SECOND, destination("10.1.0.2:80", 7), repaired=False))
    assert edits.record_drift(Drifted(FIRST, None, repaired=False))
    assert edits.weights == {SECOND.key: 7, FIRST.key: None}
    edits.discard(SECOND.key)
    edits.discard(SECOND.key)
    assert edits.weights == {FIRST.key: None}


def test_a_repair_is_published_unless_it_undoes_an_accepted_removal() -> None:
    edits = ManualEdits()
    assert edits.record_drift(Drifted(None, SECOND, repaired=True))
    assert edits.record_drift(Drifted(SECOND, None, repaired=True))
    assert edits.record_drift(Drifted(Service(service_key(WEB), "wrr"), None, repaired=True))
    edits.record_drift(Drifted(FIRST, None, repaired=False))
    assert not edits.record_drift(Drifted(None, FIRST, repaired=True))
    assert edits.weights == {}


def test_it_is_left_so_for_the_same_servers_only() -> None:
    edits = ManualEdits()
    edits.record_drift(Drifted(FIRST, None, repaired=False))
    edits.record_drift(Drifted(SECOND, destination("10.1.0.2:80", 7), repaired=False))
    before = compiled(virtual(WEB, "10.1.0.1:80", "10.1.0.2:80"))
    edits.keep_unchanged(before, compiled(virtual(WEB, real("10.1.0.1:80", weight=5), "10.1.0.2:80", scheduler="rr")))
    assert edits.weights == {SECOND.key: 7}
    edits.keep_unchanged(before, compiled())
    assert edits.weights == {}


def test_only_another_weight_is_an_edit() -> None:
    edits = ManualEdits()
    wrapped = SECOND._replace(tunnel=Tunnel(1, 6080))
    assert edits.record_drift(Drifted(SECOND, wrapped, repaired=False))
    assert edits.record_drift(
        Drifted(Service(service_key(WEB), "wrr"), Service(service_key(WEB), "rr"), repaired=False)
    )
    assert edits.weights == {}


def test_a_repair_of_a_row_that_is_there_leaves_the_edits() -> None:
    edits = ManualEdits()
    edits.record_drift(Drifted(FIRST, None, repaired=False))
    assert edits.record_drift(Drifted(FIRST, destination("10.1.0.1:80", 3), repaired=True))
    assert edits.weights == {FIRST.key: None}

"""The modules that decide what is written to the kernel, each with the tests that have to notice a change of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

UNIT: Final = Path(__file__).parents[1] / "unit"

TEST_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "health": ("test_health",),
    "desired": ("test_desired", "test_desired_rows"),
    "plan": ("test_plan",),
    "damping": ("test_damping",),
    "slow_start": ("test_slow_start",),
    "ipvs.diff": ("test_diff",),
    "ipvs.netlink.batches": ("test_batches",),
    "ipvs.netlink.decode": ("test_decode_bytes", "test_decode"),
    "ipvs.netlink.dump_cache": ("test_dump_cache_fast", "test_dump_cache"),
    "ipvs.netlink.encode": ("test_encode_bytes", "test_encode"),
    "ipvs.netlink.read_only": ("test_read_only",),
    "ipvs.netlink.session": ("test_session",),
    "ipvs.netlink.usage": ("test_usage",),
    "daemon.reconciler.causes": ("test_causes",),
    "daemon.reconciler.compiled_config": ("test_compiled_config",),
    "daemon.reconciler.departed": ("test_departed",),
    "daemon.reconciler.director": (
        *("test_director", "test_director_administration", "test_director_outages", "test_director_reload"),
        *("test_table_sync_events", "test_draining_removed", "test_health_tracker"),
    ),
    "daemon.reconciler.dirty_set": ("test_dirty_set",),
    "daemon.reconciler.draining": ("test_draining_rules", "test_draining", "test_draining_removed"),
    "daemon.reconciler.drift": ("test_drift_rules", "test_drift"),
    "daemon.reconciler.flap_damper": ("test_flap_damper_rules", "test_flap_damper", "test_readmission"),
    "daemon.reconciler.health_table": ("test_health_table",),
    "daemon.reconciler.health_tracker": (
        *(
            "test_health_tracker_rules",
            "test_health_tracker",
            "test_flap_damper",
            "test_panic_keeper",
            "test_slow_starts",
        ),
        *("test_director_administration", "test_director_outages", "test_director_probed", "test_draining_removed"),
    ),
    "daemon.reconciler.leftover": ("test_leftover_rules", "test_leftover"),
    "daemon.reconciler.manual_edits": ("test_manual_edits", "test_drift"),
    "daemon.reconciler.mirror": ("test_mirror",),
    "daemon.reconciler.panic_keeper": ("test_panic_keeper",),
    "daemon.reconciler.resync_timer": ("test_resync_timer",),
    "daemon.reconciler.slow_starts": ("test_slow_starts_rules",),
    "daemon.reconciler.table_sync": (
        *("test_table_sync", "test_table_sync_due", "test_table_sync_events", "test_drift", "test_slow_starts"),
        *("test_draining", "test_draining_removed", "test_director_administration", "test_director_reload"),
    ),
    "daemon.reconciler.unjudged": ("test_unjudged",),
}
"""Each module with the files of its tests, in the folder of ``tests/unit`` that mirrors its own."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "ipvs.netlink.client": "runs the calls of a session in a thread, within a deadline",
    "ipvs.netlink.socket": "opens, sends and receives; its one decision is which errors may be repeated",
    "ipvs.netlink.uapi": "only the kernel's constants: pyroute2's are compared with what is encoded",
}
"""Modules of the codec that decide nothing themselves, and what they do."""


def files_of_tests(module: str) -> list[Path]:
    """Return the files of tests of a module."""
    folders = module.split(".")[:-1]
    return [UNIT.joinpath(*folders, f"{name}.py") for name in TEST_FILES[module]]

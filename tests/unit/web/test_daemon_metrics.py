"""The metrics of the daemon itself."""

from __future__ import annotations

from harness.scraped import STATUS, counters, samples, scraped, show, value
from ldirectord_py.web.daemon_metrics import DaemonMetrics


def test_who_it_is() -> None:
    found = scraped()
    assert value(found, "ldirectord_build_info", version="1.2.3") == 1
    assert value(found, "ldirectord_config_info", config_hash="0d5f6c21a8e07b94", file="/etc/ha.d/web.cf") == 1
    assert value(found, "ldirectord_config_generation") == 4
    assert value(found, "ldirectord_up") == 1
    assert value(found, "ldirectord_answer_age_seconds") == 0.5


def test_its_progress() -> None:
    found = scraped()
    assert value(found, "ldirectord_start_time_seconds") == 1.7e9
    assert value(found, "ldirectord_cpu_seconds_total") == 12.5
    assert value(found, "ldirectord_loop_lag_seconds_bucket", le="0.01") == 9
    assert value(found, "ldirectord_loop_lag_seconds_count") == 10
    assert value(found, "ldirectord_reloads_total", outcome="refused") == 1
    assert value(found, "ldirectord_last_reload_successful") == 0
    assert value(found, "ldirectord_oldest_check_age_seconds") == 4.2
    assert value(found, "ldirectord_checks_planned") == 2
    assert value(found, "ldirectord_checks_total", kind="http", verdict="down", code="L4CON") == 9


def test_the_kernel() -> None:
    found = scraped()
    assert value(found, "ldirectord_kernel_up") == 1
    assert value(found, "ldirectord_kernel_losses_total") == 1
    assert value(found, "ldirectord_kernel_writes_total", verb="add") == 5
    assert value(found, "ldirectord_kernel_writes_total", verb="delete") == 0
    assert value(found, "ldirectord_kernel_refusals_total", errno="ENOENT") == 2
    assert value(found, "ldirectord_kernel_refusals_total", errno="EINVAL") == 0
    assert value(found, "ldirectord_drift_total", action="accepted") == 4


def test_a_kernel_out_of_reach() -> None:
    lost = {**counters()["kernel"], "lost": True}
    assert value(scraped(kernel=lost), "ldirectord_kernel_up") == 0
    unread = DaemonMetrics(0.5, (show(error="not permitted", oldest=None), counters(), STATUS))
    found = samples(unread.text())
    assert value(found, "ldirectord_kernel_up") == 0
    assert "ldirectord_oldest_check_age_seconds" not in found


def test_what_went_wrong() -> None:
    lost = {"log_lines": 1, "monitorfile_lines": 2, "mails": 3, "notifications": 4}
    found = scraped(stalls=2, stalled_seconds=0.75, repeated_probes=3, flaps=4, panics=5, self_doubts=6, lost=lost)
    names = ("stalls", "stalled_seconds", "repeated_probes", "flaps", "panics", "self_doubts")
    assert [value(found, f"ldirectord_{name}_total") for name in names] == [2, 0.75, 3, 4, 5, 6]
    assert [value(found, "ldirectord_lost_total", what=what) for what in lost] == [1, 2, 3, 4]

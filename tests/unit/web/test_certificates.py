"""Which certificates are near their end, to the hour, and that the alert counts the same days."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ldirectord_py.web.certificates import CERTIFICATE_DAYS, certificate_limit, is_near_end

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC).timestamp()
ALERTS = Path(__file__).parents[3] / "docs/monitoring/alerts.yml"


def server(end: str | None) -> dict[str, Any]:
    return {"observed": {"certificate_end": end}}


@pytest.mark.parametrize(
    ("end", "near"),
    [
        (None, False),
        ("2020-01-02T00:00:00.000Z", True),
        ("2026-11-28T12:00:00.000Z", True),
        ("2026-12-12T11:59:59.000Z", True),
        ("2026-12-12T12:00:00.000Z", False),
        ("2027-01-15T08:00:00.000Z", False),
        ("9999-12-30T00:00:00.000Z", False),
    ],
)
def test_an_end_within_two_weeks_is_near(end: str | None, near: bool) -> None:
    assert is_near_end(server(end), certificate_limit(NOW)) is near


def test_the_limit_is_another_one_each_hour() -> None:
    assert certificate_limit(NOW) == certificate_limit(NOW + 1799) == "2026-12-12T12"
    assert certificate_limit(NOW + 1800) == "2026-12-12T13"


def test_the_alert_counts_the_same_days() -> None:
    (rules,) = (group["rules"] for group in yaml.safe_load(ALERTS.read_text())["groups"])
    (query,) = (rule["expr"] for rule in rules if rule["alert"] == "LdirectordCertificateEnds")
    assert f"- time()) / 86400 < {CERTIFICATE_DAYS})" in query

"""docs/monitoring: the dashboard and the alert rules ask for metrics and labels that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

from harness.scraped import Samples, scraped, virtual
from harness.shown import BROKEN, READY, real

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "docs/monitoring/grafana.json").read_text())
RULES = yaml.safe_load((ROOT / "docs/monitoring/alerts.yml").read_text())["groups"][0]["rules"]
PAGE = (ROOT / "docs/page.md").read_text()
NODE_EXPORTER = {"node_ipvs_backend_connections_active"}
NAME = "tcp:192.0.2.10:80"
OF_PROMETHEUS = {"job", "instance", "le"}


def everything() -> Samples:
    """Return samples of every metric."""
    since, end = "2026-11-28T03:12:45.000Z", "2027-01-15T08:00:00.000Z"
    drained = real(observed={"certificate_end": end}, administrative={**READY, "state": "drain", "since": since})
    durations = [{"virtual": NAME, "counts": [1, 1, 1, 1], "sum": 5.5}]
    fallback = {"server": "127.0.0.1:80", "used": True, "kernel": None, "disagrees": []}
    return scraped(virtual(NAME, drained, BROKEN, fallback=fallback), durations=durations)


SAMPLES = everything()
LABELS = {label for series in SAMPLES.values() for labels in series for label, _ in labels} | OF_PROMETHEUS


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def dashboard_queries() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        yield from [variable["definition"]] if variable["type"] == "query" else []
    yield from (each["expr"] for each in DASHBOARD["annotations"]["list"])


QUERIES = [*dashboard_queries(), *(rule["expr"] for rule in RULES)]


def test_every_query_asks_for_metrics_that_there_are() -> None:
    for query in QUERIES:
        names = set(re.findall(r"\b(?:ldirectord|node)_\w+", query))
        assert names or query.startswith("up{"), query
        assert names <= SAMPLES.keys() | NODE_EXPORTER, query


def test_every_query_selects_and_groups_by_labels_that_there_are() -> None:
    for query in QUERIES:
        selected = set(re.findall(r"[{,] *(\w+) *(?:=~|!~|!=|=)", query))
        grouped = re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", query)
        assert selected | {label for each in grouped for label in each.split(", ")} <= LABELS, query


def test_the_texts_of_alerts_name_labels_that_there_are() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= LABELS


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= DASHBOARD.keys()
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    for panel in panels():
        assert panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references) > 0
    for query in dashboard_queries():
        assert {each for each in re.findall(r"\$(\w+)", query) if not each.startswith("__")} <= names


def test_its_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, two in combinations(places, 2):
        beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        above = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
        assert beside or above, (one, two)


def test_every_metric_is_described() -> None:
    table = PAGE.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    described = set(re.findall(r"`(ldirectord_\w+)", table))
    assert described == {re.sub("_(bucket|count|sum)$", "", name) for name in SAMPLES}


def test_every_alert_is_described_and_has_a_test() -> None:
    names = {rule["alert"] for rule in RULES}
    table = PAGE.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(Ldirectord\w+)`", table)) == names
    tests = "".join(path.read_text() for path in (ROOT / "tests/service/alerts").glob("*.yml"))
    assert set(re.findall(r"alertname: (\w+)", tests)) == names

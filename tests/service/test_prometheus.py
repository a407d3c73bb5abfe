"""Prometheus's own program reads our metrics, our alert rules and the queries of the dashboard."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from harness.page_daemon import page_daemon

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "docs/monitoring"
SITE = """\
checkinterval=1
virtual6=[2001:db8::1]:80
    real6=[::1]:9 gate
    checktype=connect
virtual=42
    real=127.0.0.1:9 gate
    checktype=connect
"""
ALERTS = sorted((Path(__file__).parent / "alerts").glob("*.yml"))


def promtool(*arguments: object, text: str | None = None) -> str:
    """Return what promtool prints; it has to find no fault."""
    command = ["promtool", *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_metrics_of_a_daemon_pass_its_linter(tmp_path: Path) -> None:
    with page_daemon(tmp_path, SITE) as daemon:
        daemon.page_with("0 of 2 servers up")
        until = time.monotonic() + 30
        while 'verdict="down"' not in (text := daemon.get("/metrics")[1]) and time.monotonic() < until:
            time.sleep(0.1)
    assert 'ldirectord_checks_total{code="L4CON",kind="connect",verdict="down"}' in text
    assert 'ldirectord_real_state{local_address="",local_port="0",proto="FWM",local_mark="0000002A",' in text
    assert promtool("check", "metrics", text=text) == ""


def test_the_alert_rules_are_valid() -> None:
    assert "rules found" in promtool("check", "rules", MONITORING / "alerts.yml")


@pytest.mark.parametrize("file", ALERTS, ids=lambda file: file.stem)
def test_an_alert_fires_when_it_should_and_only_then(file: Path) -> None:
    promtool("test", "rules", file)


def test_the_queries_of_the_dashboard_are_valid(tmp_path: Path) -> None:
    panels = json.loads((MONITORING / "grafana.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    texts = [re.sub(r"\$\w+", "x", query.replace("$__rate_interval", "5m")) for query in queries]
    rules = [{"record": f"query_{number}", "expr": text} for number, text in enumerate(texts)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(queries)} rules found" in promtool("check", "rules", tmp_path / "rules.yml")

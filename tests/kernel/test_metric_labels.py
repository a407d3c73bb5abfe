"""The labels of our metrics beside those of the real node_exporter on the same table."""

from __future__ import annotations

import contextlib
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.fakes.scripted import closed_port
from harness.host import program_path
from harness.lab.fresh_namespace import fresh_namespace
from harness.own_process import run_here
from ldirectord_py.checks.registry import kinds
from ldirectord_py.config.load import load
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.web.metric_labels import real_labels

CONFIG = """\
virtual = 192.0.2.1:80
    real = 10.0.0.2:8080 masq 3
    real = 10.0.0.3:8081 gate
    checktype = on
virtual6 = [2001:db8:0:0:1::1]:443
    real6 = [2001:db8::10]:8443 masq
    real6 = [2001:db8:0:1::]:443 gate
    checktype = on
virtual = 192.0.2.1:53
    protocol = udp
    real = 10.0.0.3 ipip
    checktype = on
virtual = 7
    real = 10.0.0.3 ipip
    checktype = on
virtual6 = 4294967295
    real6 = [2001:db8::10]:80 gate
    checktype = on
"""

START_TIMEOUT = 60
"""Seconds for node_exporter to start on an emulated machine."""


@pytest.fixture(autouse=True)
def _namespace() -> Iterator[None]:
    with fresh_namespace():
        yield


def backends() -> list[dict[str, str]]:
    """Return the labels of each destination that node_exporter finds."""
    port = closed_port()
    command = ["prometheus-node-exporter", "--collector.disable-defaults", "--collector.ipvs"]
    command.append(f"--web.listen-address=127.0.0.1:{port}")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={"PATH": program_path()}) as exporter:
        try:
            text = _metrics(exporter, f"http://127.0.0.1:{port}/metrics")
        finally:
            exporter.kill()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return [dict(sample.labels) for sample in families["node_ipvs_backend_weight"].samples]


def _metrics(exporter: subprocess.Popen[str], url: str) -> str:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until and exporter.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=START_TIMEOUT) as answer:  # noqa: S310
            return str(answer.read().decode())
        time.sleep(0.1)
    exporter.kill()
    raise AssertionError(f"no answer from node_exporter: {exporter.communicate()[1]}")


def test_they_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "web.cf"
    path.write_text(CONFIG)
    table = run_here(str(path), "table")
    assert table.status == 0, table
    subprocess.run(["ipvsadm", "--restore"], input=table.text, check=True, text=True)
    ours = [
        real_labels(real.virtual.id, real.row.endpoint) for real in compile_config(load(path).config, kinds()).reals()
    ]
    found = backends()
    assert sorted(map(sorted, (each.items() for each in found))) == sorted(map(sorted, (each.items() for each in ours)))
    assert len(ours) == 7

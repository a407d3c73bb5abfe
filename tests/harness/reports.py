"""The pytest plugin inside the virtual machine: each report is written, one JSON object a line, as it is made."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Writer(config, Path(os.environ["MACHINE_OUT"]) / "reports"))


class _Writer:
    def __init__(self, config: pytest.Config, path: Path) -> None:
        self._config = config
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._write(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._write({"finished": nodeid})

    def _write(self, data: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(data, default=str) + "\n")

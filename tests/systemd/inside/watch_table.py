"""Prints the kernel's table as a JSON object, first as it is and then after each change, for ever."""

from __future__ import annotations

import json
import time
from pathlib import Path

from harness.lab.ip_vs_table import SAMPLE_SECONDS, Weights, read_weights

shown: Weights | None = None
while True:
    table = read_weights(Path("/proc/net/ip_vs"))
    if table != shown:
        print(json.dumps(table), flush=True)
        shown = table
    time.sleep(SAMPLE_SECONDS)

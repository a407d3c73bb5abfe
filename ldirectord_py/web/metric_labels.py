"""The labels of metrics: those of node_exporter's ipvs collector, so that its series join with ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def virtual_labels(name: str) -> dict[str, str]:
    """Return the labels of a virtual of this name, such as ``tcp:192.0.2.1:80`` or ``fwm:1``."""
    protocol, _, rest = name.partition(":")
    if protocol in {"fwm", "fwm6"}:
        return _labels("", "0", "FWM", f"{int(rest):08X}")
    return _labels(*_split(rest), protocol.upper(), "")


def real_labels(virtual: str, row: str) -> dict[str, str]:
    """Return the labels of a real server of a virtual of this name; its row is what the kernel calls it."""
    address, port = _split(row)
    return {**virtual_labels(virtual), "remote_address": address, "remote_port": port}


def labels_text(labels: Mapping[str, str]) -> str:
    """Return labels as they stand between the braces."""
    return ",".join([f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()])


def _labels(address: str, port: str, protocol: str, mark: str) -> dict[str, str]:
    return {"local_address": address, "local_port": port, "proto": protocol, "local_mark": mark}


def _split(endpoint: str) -> tuple[str, str]:
    address, _, port = endpoint.rpartition(":")
    return address.strip("[]"), port

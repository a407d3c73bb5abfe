"""modprobe: the module is loaded, or the reason comes back; never longer than the deadline."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldirectord_py.ipvs.netlink import client
from ldirectord_py.ipvs.netlink.client import modprobe


def put(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a modprobe of our own before all others."""
    program = folder / "modprobe"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


async def test_a_loaded_module_needs_no_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/arguments')
    assert not await modprobe()
    assert (tmp_path / "arguments").read_text() == "ip_vs\n"


async def test_what_modprobe_says_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, monkeypatch, "echo 'modprobe: FATAL: Module ip_vs not found' >&2; exit 1")
    assert await modprobe() == "modprobe: FATAL: Module ip_vs not found"


async def test_a_modprobe_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(client, "CALL_TIMEOUT", 0.2)
    assert await modprobe() == "modprobe ip_vs did not end within 0.2 s"


async def test_a_modprobe_that_cannot_start_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, monkeypatch, "")
    (tmp_path / "modprobe").write_bytes(b"\x7fELF")
    assert (await modprobe()).startswith("modprobe does not start: ")

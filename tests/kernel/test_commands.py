"""Commands of the user: at an outage, after a change of the file, and further daemons."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab.lab import VIP, Lab
from harness.lab.namespace import eventually

WITHIN = 60.0  # seconds; a processor that is emulated takes ten to start a daemon
WEB, MAIL = f"TCP {VIP}:80", f"TCP {VIP}:25"


def test_an_outage_runs_the_fallbackcommand_and_its_end_too(lab: Lab, tmp_path: Path) -> None:
    web, told, script = lab.real("web1"), tmp_path / "told", tmp_path / "sorry"
    script.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    script.chmod(0o755)
    lab.director.configure(
        f"checkinterval = 1\nchecktimeout = 1\nfallbackcommand = {script} 'web is'\n"
        f"virtual = {VIP}:80\n    checktype = connect\n    real = {web.addresses[0]}:80 masq\n"
    )

    def lines() -> list[str]:
        return told.read_text().splitlines() if told.exists() else []

    def wait(*expected: str) -> None:
        eventually(lambda: lines() == [f"web is {word} {VIP}:80 tcp" for word in expected], WITHIN, lab.director.log)

    lab.director.start()
    lab.director.wait(WEB, {f"{web.addresses[0]}:80": 1}, WITHIN)
    wait("start", "stop")
    web.stop()
    lab.director.wait(WEB, {}, WITHIN)
    wait("start", "stop", "start")
    web.start()
    lab.director.wait(WEB, {f"{web.addresses[0]}:80": 1}, WITHIN)
    wait("start", "stop", "start", "stop")


@pytest.mark.takes(15)
@pytest.mark.difference("`execute`: which program")
def test_daemons_of_execute_start_and_stop_with_ours(lab: Lab, tmp_path: Path) -> None:
    web, mail = lab.real("web1"), tmp_path / "mail.cf"
    head = "checkinterval = 1\n"
    body = f"virtual = {VIP}:80\n    checktype = on\n    real = {web.addresses[0]}:80 masq\n"
    mail.write_text(f'logfile = "{tmp_path}/mail.log"\n{body.replace(":80", ":25")}')
    there = {f"{web.addresses[0]}:25": 1}
    lab.director.configure(f"{head}execute = {mail}\n{body}")
    lab.director.start()
    lab.director.wait(MAIL, there, WITHIN)
    lab.director.configure(f"{head}{body}")
    lab.director.reload()
    eventually(lambda: MAIL not in lab.director.weights(), WITHIN, lab.director.log)
    lab.director.configure(f"{head}execute = {mail}\n{body}")
    lab.director.reload()
    lab.director.wait(MAIL, there, WITHIN)
    lab.director.stop()
    eventually(lambda: lab.director.weights() == {}, WITHIN, lab.director.log)

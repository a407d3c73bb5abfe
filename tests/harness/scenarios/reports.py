"""What is told of changes: monitorfiles, mails, commands."""

from __future__ import annotations

from harness.race import Run, Scenario
from harness.scenarios.words import FIRST, MASQ_A, MASQ_B, RESET, SECOND, SORRY, START, WEB, A, B, web


def lines_of_a_monitorfile(run: Run) -> None:
    check = 'service = http\nrequest = "health"\nreceive = "healthy"'
    run.start(web(MASQ_A, f"{B} gate 4", check=check, also=f'monitorfile = "{run.folder}/monitor"'))
    run.rounds()
    run.point("all up", {WEB: {A: 1, B: 4}}, log=START)
    run.farm.refuse(FIRST)
    run.rounds()
    run.point("one down", {WEB: {B: 4}})
    run.farm.heal()
    run.rounds()
    run.point("back", {WEB: {A: 1, B: 4}}, log=RESET)


def mails_of_changes(run: Run) -> None:
    done = run.receive_mails()
    head = 'emailalert = "ops@example.com"\nsmtp = 127.0.0.1\nemailalertfrom = lb@example.com\n'
    run.start(head + web(MASQ_A, MASQ_B, also=f"quiescent = yes\nservicename = shop\nfallback = {SORRY} masq"))
    run.rounds()
    run.point("all up", {WEB: {A: 1, B: 1}}, log=START, mails="Mails of a start or reload")
    run.farm.refuse(FIRST)
    run.rounds()
    run.point("one down", {WEB: {A: 0, B: 1}})
    run.farm.refuse(SECOND)
    run.rounds()
    run.point("all down", {WEB: {A: 0, B: 0, SORRY: 1}})
    run.farm.heal()
    run.rounds()
    run.point("back", {WEB: {A: 1, B: 1}}, log=RESET)
    done()


def commands_of_fallbacks(run: Run) -> None:
    program = run.script("fall", 'echo "$@" >>$OUT')
    run.start(web(MASQ_A, MASQ_B, also=f"fallbackcommand = {program}"))
    run.rounds()
    run.point("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.refuse(FIRST, SECOND)
    run.rounds()
    run.point("all down", {WEB: {}})
    run.farm.heal()
    run.rounds()
    run.point("back", {WEB: {A: 1, B: 1}}, log=RESET)


SCENARIOS: tuple[Scenario, ...] = (lines_of_a_monitorfile, mails_of_changes, commands_of_fallbacks)

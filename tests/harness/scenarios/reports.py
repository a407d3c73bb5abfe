"""Reports of changes: monitorfiles and mails."""

from __future__ import annotations

from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import (
    FIRST,
    HTTP,
    MASQ_A,
    MASQ_B,
    MONITORFILE,
    RESET,
    SECOND,
    SORRY,
    START,
    WEB,
    A,
    B,
    web,
)

HEADER, TEXT, AT_FIRST = "A mail's header", "A mail's text", "Mails of a start or reload"


def lines_of_a_monitorfile(run: Run) -> None:
    directory = run.folder / "maintained"
    directory.mkdir(exist_ok=True)
    also = f'monitorfile = "{run.folder}/monitor"'
    run.start(f"maintenancedir = {directory}\n" + web(MASQ_A, f"{B} gate 4", check=HTTP, also=also))
    run.wait_for_checks()
    run.checkpoint("all up", {WEB: {A: 1, B: 4}}, log=START)
    run.farm.fail_health()
    run.wait_for_checks()
    run.checkpoint("sick pages", {WEB: {}}, messages=MONITORFILE)
    run.farm.restore_health()
    run.wait_for_checks()
    run.checkpoint("back", {WEB: {A: 1, B: 4}}, log=RESET)
    (directory / B).touch()
    run.wait_for_checks()
    run.checkpoint("one in maintenance", {WEB: {A: 1}})
    (directory / B).unlink()
    run.wait_for_checks()
    run.checkpoint("back in use", {WEB: {A: 1, B: 4}}, log=RESET)
    run.farm.refuse_connections(FIRST)
    run.wait_for_checks()
    run.checkpoint("one refuses", {WEB: {B: 4}}, messages=MONITORFILE)


def a_monitorfile_that_cannot_be_written(run: Run) -> None:
    row = "A `monitorfile` that cannot be written"
    folder = run.folder / "monitored"
    folder.mkdir(exist_ok=True)
    run.start(web(MASQ_A, MASQ_B, check=HTTP, also=f'monitorfile = "{folder}/lines"'))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    folder.rename(run.folder / f"moved-{run.ours}")
    run.wait_for_checks()
    run.checkpoint("the original is dead", {WEB: {A: 1, B: 1}})
    run.farm.refuse_connections(FIRST)
    run.wait_for_checks()
    run.checkpoint("one refuses", {WEB: {A: 1, B: 1}}, ours={WEB: {B: 1}}, table=row, log=row)


def mails_of_changes(run: Run) -> None:
    done = run.receive_mails()
    head = 'emailalert = "ops@example.com"\nsmtp = 127.0.0.1\nemailalertfrom = lb@example.com\n'
    run.start(head + web(MASQ_A, MASQ_B, also=f"quiescent = yes\nservicename = shop\nfallback = {SORRY} masq"))
    run.await_mails(original=4, ours=4)
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START, mails=AT_FIRST, headers=HEADER, reasons=TEXT)
    run.farm.refuse_connections(FIRST)
    run.await_mails(original=1, ours=1)
    run.checkpoint("one down", {WEB: {A: 0, B: 1}}, headers=HEADER, reasons=TEXT)
    run.farm.refuse_connections(SECOND)
    run.await_mails(original=2, ours=2)
    run.checkpoint("all down", {WEB: {A: 0, B: 0, SORRY: 1}}, headers=HEADER, reasons=TEXT)
    run.farm.restore_network()
    run.await_mails(original=3, ours=3)
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET, headers=HEADER, reasons=TEXT)
    done()


def mails_to_several(run: Run) -> None:
    done = run.receive_mails()
    row = "Several addresses in `emailalert`, with `smtp`"
    head = 'emailalert = "ops@example.com, boss@example.com"\nsmtp = 127.0.0.1\nemailalertstatus = running\n'
    run.start(head + web(MASQ_A, MASQ_B))
    run.wait_for_checks()
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.await_mails(original=1, ours=1)
    run.checkpoint("one down", {WEB: {B: 1}}, mails=row, headers=HEADER, reasons=TEXT)
    done()


def mails_of_one_that_is_down_from_the_start(run: Run) -> None:
    done = run.receive_mails()
    row = "A server that is down from the start"
    run.farm.refuse_connections(FIRST)
    run.start('emailalert = "ops@example.com"\nsmtp = 127.0.0.1\n' + web(MASQ_A, MASQ_B))
    run.await_mails(original=3, ours=2)
    run.checkpoint("one is down", {WEB: {B: 1}}, log=row, mails=row, headers=HEADER, reasons=TEXT)
    done()


SCENARIOS: tuple[Scenario, ...] = (
    lines_of_a_monitorfile,
    a_monitorfile_that_cannot_be_written,
    mails_of_changes,
    mails_to_several,
    mails_of_one_that_is_down_from_the_start,
)

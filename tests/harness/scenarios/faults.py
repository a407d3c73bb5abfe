"""Servers that fail and recover: fallbacks, quiescence, counts of failures, maintenance."""

from __future__ import annotations

from harness.comparison.farm_network import VIP, VIPS
from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import FIRST, HTTP, MASQ_A, MASQ_B, RESET, SECOND, SHOP, SORRY, START, WEB, A, B, web


def fallbacks_of_several_virtuals(run: Run) -> None:
    other = f"fallback = {SECOND}:80 masq"
    run.start(web(MASQ_A, MASQ_B, also=f"fallback = {SORRY} masq") + web(MASQ_A, also=other, vip=VIPS[1]))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}, SHOP: {A: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one down", {WEB: {B: 1}, SHOP: {B: 1}})
    run.farm.refuse_connections(SECOND)
    run.checkpoint("all down", {WEB: {SORRY: 1}, SHOP: {B: 1}})
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 1, B: 1}, SHOP: {A: 1}}, log=RESET)


def down_from_the_start(run: Run) -> None:
    run.farm.refuse_connections(FIRST)
    run.start(web(MASQ_A, MASQ_B, also=f"fallback = {SORRY} masq"))
    run.wait_for_checks()
    run.checkpoint("one up", {WEB: {B: 1}}, log=START)
    run.assert_log(
        original=f"Added real server: {A} ({VIP}:80) (Weight set to 1)", ours=f"Real server {A} (tcp:{VIP}:80) is down"
    )
    run.farm.restore_network()
    run.checkpoint("both up", {WEB: {A: 1, B: 1}}, log=RESET)


def a_fallback_for_the_whole_daemon(run: Run) -> None:
    text = f"fallback = {SORRY.removesuffix(':80')} masq\n" + web(MASQ_A) + web(MASQ_B, vip=VIPS[1])
    run.start(text)
    run.checkpoint("all up", {WEB: {A: 1}, SHOP: {B: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one virtual down", {WEB: {SORRY: 1}, SHOP: {B: 1}})
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 1}, SHOP: {B: 1}}, log=RESET)


def a_fallback_that_is_a_server_too(run: Run) -> None:
    row = "Fallback that is a real server too"
    run.start("quiescent = yes\n" + web(MASQ_A, MASQ_B, also=f"fallback = {A} masq"))
    run.checkpoint("all up", {WEB: {B: 1}}, ours={WEB: {A: 1, B: 1}}, table=row, log=row)
    run.farm.refuse_connections(FIRST, SECOND)
    run.wait_for_checks()
    run.checkpoint("all down", {WEB: {A: 1, B: 0}}, log=row)


def a_page_that_is_sick(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B, check=HTTP, also=f"fallback = {SORRY} masq"))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.fail_health()
    run.checkpoint("all down", {WEB: {SORRY: 1}})
    run.farm.restore_health()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET)


def virtuals_that_share_their_servers(run: Run) -> None:
    kept = "quiescent = yes\npersistent = 300"
    removed = f"quiescent = no\npersistent = 600\nnetmask = 255.255.255.0\nfallback = {SORRY} masq"
    run.start(web(MASQ_A, MASQ_B, also=kept) + web(MASQ_A, f"{B} masq 3", also=removed, vip=VIPS[1]))
    up = {WEB: {A: 1, B: 1}, SHOP: {A: 1, B: 3}}
    run.checkpoint("all up", up, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("one down in both", {WEB: {A: 0, B: 1}, SHOP: {B: 3}})
    run.farm.restore_network()
    run.checkpoint("back", up, log=RESET)


def three_failures(run: Run) -> None:
    run.start(web(MASQ_A, MASQ_B, also="failurecount = 3"))
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.refuse_connections(FIRST)
    run.checkpoint("down after three", {WEB: {B: 1}})
    run.farm.restore_network()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET)


def files_of_maintenance(run: Run) -> None:
    directory = run.folder / "maintenance"
    directory.mkdir(exist_ok=True)
    run.start(
        f"maintenancedir = {directory}\nquiescent = yes\n" + web(MASQ_A, MASQ_B) + web(MASQ_A, MASQ_B, vip=VIPS[1])
    )
    run.checkpoint("all up", {WEB: {A: 1, B: 1}, SHOP: {A: 1, B: 1}}, log=START)
    (directory / A).touch()
    run.checkpoint("by address and port", {WEB: {A: 0, B: 1}, SHOP: {A: 0, B: 1}})
    (directory / str(SECOND)).touch()
    run.checkpoint("by address", {WEB: {A: 0, B: 0}, SHOP: {A: 0, B: 0}})
    for file in directory.iterdir():
        file.unlink()
    run.checkpoint("back", {WEB: {A: 1, B: 1}, SHOP: {A: 1, B: 1}}, log=RESET)


SCENARIOS: tuple[Scenario, ...] = (
    a_page_that_is_sick,
    fallbacks_of_several_virtuals,
    down_from_the_start,
    a_fallback_for_the_whole_daemon,
    a_fallback_that_is_a_server_too,
    three_failures,
    files_of_maintenance,
    virtuals_that_share_their_servers,
)

"""Commands that the daemons run: when no server is up, when the configuration changed, other daemons."""

from __future__ import annotations

from harness.comparison.farm_network import VIPS
from harness.comparison.scenario import Run, Scenario
from harness.scenarios.words import FIRST, MARK, MASQ_A, MASQ_B, RELOAD, RESET, SECOND, SHOP, START, WEB, A, B, web

AT_THE_START = "`fallbackcommand` at the start and at a reload"


def commands_of_fallbacks(run: Run) -> None:
    program = run.script("fall", 'echo "$@" >>$OUT')
    text = web(MASQ_A, MASQ_B, also=f"fallbackcommand = {program}")
    run.start(text)
    run.checkpoint("all up", {WEB: {A: 1, B: 1}}, log=START)
    run.farm.refuse_connections(FIRST, SECOND)
    run.wait_for_checks()
    run.checkpoint("all down", {WEB: {}})
    run.farm.restore_network()
    run.wait_for_checks()
    run.checkpoint("back", {WEB: {A: 1, B: 1}}, log=RESET)
    run.reload(text)
    run.checkpoint("reloaded", {WEB: {A: 1, B: 1}}, log=RELOAD, commands=AT_THE_START)


def commands_of_a_mark(run: Run) -> None:
    program = run.script("fall", 'echo "$@" >>$OUT')
    real = f"    real = {FIRST} gate\n"
    run.start(f"virtual = 7\n{real}    checktype = connect\n    checkport = 80\n    fallbackcommand = {program}\n")
    row = "`fallbackcommand` of a firewall mark"
    run.checkpoint("up", {MARK: {f"{FIRST}:0": 1}}, log=START, commands=row)
    run.farm.refuse_connections(FIRST)
    run.wait_for_checks()
    run.checkpoint("down", {MARK: {}}, commands=row)


def commands_and_the_shell(run: Run) -> None:
    program = run.script("fall", 'echo "$@" >>$OUT')
    run.start(web(MASQ_A, also=f"fallbackcommand = {program} $((1 + 1))"))
    row = "How `fallbackcommand`, `callback` and `execute` run"
    run.checkpoint("up", {WEB: {A: 1}}, log=START, commands=row)
    run.farm.refuse_connections(FIRST)
    run.wait_for_checks()
    run.checkpoint("down", {WEB: {}}, commands=row)


def callbacks(run: Run) -> None:
    program = run.script("back", 'echo "$#" >>$OUT')
    text = f'callback = "{program}{{}}"\nautoreload = yes\n'
    run.start(text.format("") + web(MASQ_A))
    run.wait_for_checks()
    run.checkpoint("one server", {WEB: {A: 1}}, log=START)
    run.configure(text.format("") + web(MASQ_A, MASQ_B))
    run.wait_for_checks()
    run.checkpoint("two servers", {WEB: {A: 1, B: 1}}, log=RELOAD)
    run.configure(text.format(" with more") + web(MASQ_B))
    run.wait_for_checks()
    run.checkpoint("with arguments", {WEB: {B: 1}}, log=RELOAD, commands="`callback`")


def another_daemon(run: Run) -> None:
    other, log = run.folder / f"other-{run.director.netns}.cf", run.folder / f"other-{run.ours}.log"
    head = f'logfile = "{log}"\ncheckinterval = 1\n'
    other.write_text(head + web(MASQ_B, vip=VIPS[1]))
    run.start(f"execute = {other}\n" + web(MASQ_A))
    run.await_text(log, "Added real server", times=1 if run.ours else 2)  # the original takes it out in between
    run.checkpoint("both", {WEB: {A: 1}, SHOP: {B: 1}}, log=START)
    run.daemon.command("status")
    run.assert_original_only("`execute`: `status`", f"{other.name} is running" in run.director.log())
    other.write_text(head + web(f"{B} masq 3", vip=VIPS[1]))
    run.reload(f"execute = {other}\n" + web(MASQ_A))
    run.checkpoint("both reloaded", {WEB: {A: 1}, SHOP: {B: 3}}, log=RELOAD)
    run.daemon.stop()
    run.checkpoint("both stopped", {})


SCENARIOS: tuple[Scenario, ...] = (
    another_daemon,
    commands_of_fallbacks,
    commands_of_a_mark,
    commands_and_the_shell,
    callbacks,
)

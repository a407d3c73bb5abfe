"""The director's main job in two minutes: ``make demo``, or ``python -m harness.lab.demo`` once all is installed.

A client, a director and web servers in network namespaces, here or in a virtual machine; the real daemon with a
real ldirectord.cf. Exit status 0 means that every step succeeded.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.host import has_ipvs
from harness.lab.client import Traffic
from harness.lab.lab import VIP, Lab
from harness.lab.real_server import RealServer
from harness.machines.kinds import missing_for_machine
from harness.machines.machine import main as run_in_machine

SERVICE = f"TCP {VIP}:80"
INTERVAL = 2
WATCHED_SECONDS = 3.0
LOG_SECONDS = 0.2
"""The daemon writes its log after the table, and does not wait for it."""
CONFIG = """\
checkinterval = {interval}
checktimeout = {interval}

virtual = {vip}:80
{reals}
    service = http
    request = "health"
    receive = "healthy"
    scheduler = wrr
    protocol = tcp
"""


class Demo:
    """The demonstration; its state: the start time, how much of the log was shown, and how many steps failed."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._began = time.monotonic()
        self._shown = 0
        self._wrong = 0

    def run(self) -> int:
        """Run every step; return how many failed."""
        web = [self._lab.real(f"web{number}") for number in (1, 2, 3)]
        servers = ", ".join(f"{server.name} {server.address}" for server in web)
        self.say(f"A client, a director and web servers (nginx: {servers}) are up, each in its own network namespace.")
        self.configure(dict.fromkeys(web, 1))
        seconds = self._lab.director.start()
        self.say(f"The daemon started and was ready in {seconds:.1f} s. It checks each server every {INTERVAL} s.")
        self.expect(dict.fromkeys(web, 1))
        with self._lab.client.traffic(VIP, workers=8, pause=0.1) as traffic:
            self.watch(traffic, "The client sends requests to the virtual address; the kernel distributes them.", web)
            self.lose(traffic, web)
            self.change(traffic, web)
        self.stop()
        return self._wrong

    def lose(self, traffic: Traffic, web: Sequence[RealServer]) -> None:
        """Stop a server and start it again."""
        stopped = time.monotonic()
        web[1].stop()
        self.say("web2 is stopped. Until the next check the kernel sends it requests, which fail.")
        detected = self.expect({web[0]: 1, web[2]: 1})
        lost = len(traffic.failures(stopped, detected))
        found = f"web2 was taken out after {detected - stopped:.1f} s; {lost} requests failed until then."
        self.watch(traffic, found, (web[0], web[2]))
        web[1].start()
        self.say("web2 is back.")
        self.expect(dict.fromkeys(web, 1))
        self.watch(traffic, "web2 answers requests again.", web)

    def change(self, traffic: Traffic, web: Sequence[RealServer]) -> None:
        """Change the file and send SIGHUP."""
        web4 = self._lab.real("web4")
        weights = {web[0]: 3, web[1]: 1, web4: 1}
        self.configure(weights)
        took = self._lab.director.reload() * 1000
        self.say(f"SIGHUP: the file was reloaded in {took:.0f} ms. web1 has weight 3, web3 is removed, web4 is new.")
        self.expect(weights)
        self.watch(traffic, "The client gets answers by the new weights.", weights)

    def stop(self) -> None:
        """Stop the daemon."""
        took = self._lab.director.stop() * 1000
        self.say(f"SIGTERM: the daemon stopped in {took:.0f} ms and removed its services.")
        self.show_table()
        self._check(self._lab.director.weights() == {}, "the table is empty")

    def configure(self, weights: dict[RealServer, int]) -> None:
        """Write ldirectord.cf and show it."""
        reals = "\n".join(f"    real = {real.address}:80 masq {weight}" for real, weight in weights.items())
        text = CONFIG.format(interval=INTERVAL, vip=VIP, reals=reals)
        self._lab.director.configure(text)
        self.say("The director's ldirectord.cf is now (lab.cf in the log):")
        self.show(text, "    | ")

    def expect(self, weights: dict[RealServer, int]) -> float:
        """Wait until the kernel has these servers; show the log and the table; return when it had them."""
        expected = {f"{real.address}:80": weight for real, weight in weights.items()}
        self._lab.director.wait(SERVICE, expected, within=20)
        since = time.monotonic()
        time.sleep(LOG_SECONDS)
        log = self._lab.director.log()
        self.show(log[self._shown :], "    log: ")
        self._shown = len(log)
        self.show_table()
        return since

    def show_table(self) -> None:
        """Print the kernel's table."""
        self.show(self._lab.director.listing(), "    ")

    def watch(self, traffic: Traffic, text: str, servers: Iterable[RealServer]) -> None:
        """Print the results of the client for some seconds, in which these servers answer and no request fails."""
        expected = {server.name for server in servers}
        since = time.monotonic()
        time.sleep(WATCHED_SECONDS)
        until = time.monotonic() - 0.5  # what started later may not be answered yet
        counts, failed = traffic.counts(since, until), len(traffic.failures(since, until))
        answered = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        self.say(f"{text} {WATCHED_SECONDS:g} s of requests: {answered or 'none answered'}; failed: {failed}.")
        self._check(failed == 0, "no request fails")
        self._check(set(counts) == expected, f"each of {', '.join(sorted(expected))} answers requests, and no other")

    def say(self, text: str) -> None:
        """Print a step with the time since the start."""
        print(f"\n[{time.monotonic() - self._began:5.1f} s] {text}", flush=True)

    def show(self, text: str, indent: str) -> None:
        """Print lines under a step."""
        for line in text.rstrip().splitlines():
            print(f"{indent}{line}", flush=True)

    def _check(self, holds: bool, promise: str) -> None:
        if not holds:
            self._wrong += 1
            self.say(f"FAILED: {promise}.")


def main() -> int:
    """Run the demonstration here, or in a virtual machine if this kernel has no IPVS; return the exit status."""
    if not has_ipvs():
        if reason := missing_for_machine():
            sys.stderr.write(f"{reason}\n")
            return 1
        sys.stdout.write("This kernel has no IPVS, or this user is not root: booting a virtual machine with IPVS ...\n")
        sys.stdout.flush()
        return run_in_machine([sys.executable, "-m", "harness.lab.demo"])
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder) / "lab") as lab:
        wrong = Demo(lab).run()
    print("\nAll steps succeeded." if wrong == 0 else f"\n{wrong} steps failed.")
    return 0 if wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

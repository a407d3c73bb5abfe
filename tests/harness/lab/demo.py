"""The director's main job in two minutes: ``python -m harness.lab.demo``, or ``make demo``, which sets all up first.

A client, a director and web servers in network namespaces, here or in a virtual machine; the real daemon on a
real ldirectord.cf. Exit status 0 says that every step went as its text promises.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
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
    """The demonstration, step by step; it keeps the clock and how much of the log was shown."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._began = time.monotonic()
        self._shown = 0
        self._wrong = 0

    def run(self) -> int:
        """Play every step; return how many of them went wrong."""
        web = [self._lab.real(f"web{number}") for number in (1, 2, 3)]
        self.say("A client, a director and three web servers (nginx) are up, each in a network namespace of its own.")
        self.configure(dict.fromkeys(web, 1))
        seconds = self._lab.director.start()
        self.say(f"The daemon started and was ready in {seconds:.1f} s. It checks each server every {INTERVAL} s.")
        self.expect(dict.fromkeys(web, 1))
        with self._lab.client.traffic(VIP, workers=8, pause=0.1) as traffic:
            self.watch(traffic, "The client asks the virtual address; the kernel shares the requests out.")
            self.lose(traffic, web)
            self.change(traffic, web)
        self.stop()
        return self._wrong

    def lose(self, traffic: Traffic, web: Sequence[RealServer]) -> None:
        """Stop a server and start it again."""
        stopped = time.monotonic()
        web[1].stop()
        self.say("web2 stops: the kernel sends it requests, and they fail, until the next check finds out.")
        self.expect({web[0]: 1, web[2]: 1})
        detected = time.monotonic()
        lost = len(traffic.failures(stopped, detected))
        self.watch(traffic, f"Detected after {detected - stopped:.1f} s; {lost} requests failed until then.")
        web[1].start()
        self.say("web2 is back.")
        self.expect(dict.fromkeys(web, 1))
        self.watch(traffic, "The client finds it in use again.")

    def change(self, traffic: Traffic, web: Sequence[RealServer]) -> None:
        """Change the file and send SIGHUP."""
        web4 = self._lab.real("web4")
        weights = {web[0]: 3, web[1]: 1, web4: 1}
        self.configure(weights)
        seconds = self._lab.director.reload()
        self.say(f"SIGHUP: read again in {seconds:.1f} s. web1 has weight 3 now, web3 is gone, web4 is new.")
        self.expect(weights)
        self.watch(traffic, "The client sees the new shares.")

    def stop(self) -> None:
        """Stop the daemon."""
        seconds = self._lab.director.stop()
        self.say(f"SIGTERM: the daemon stopped in {seconds:.1f} s and took its services with it.")
        self.show_table()
        self._check(self._lab.director.weights() == {}, "the table is empty")

    def configure(self, weights: dict[RealServer, int]) -> None:
        """Write ldirectord.cf and show it."""
        reals = "\n".join(f"    real = {real.address}:80 masq {weight}" for real, weight in weights.items())
        text = CONFIG.format(interval=INTERVAL, vip=VIP, reals=reals)
        self._lab.director.configure(text)
        self.say("The director's ldirectord.cf:")
        self.show(text, "    | ")

    def expect(self, weights: dict[RealServer, int]) -> None:
        """Wait until the kernel has these servers, and show what the daemon logged and the table."""
        expected = {f"{real.address}:80": weight for real, weight in weights.items()}
        self._lab.director.wait(SERVICE, expected, within=20)
        log = self._lab.director.log()
        self.show(log[self._shown :], "    log: ")
        self._shown = len(log)
        self.show_table()

    def show_table(self) -> None:
        """Print the kernel's table."""
        self.show(self._lab.director.listing(), "    ")

    def watch(self, traffic: Traffic, text: str) -> None:
        """Let the client work for a while, and say what came of it: nothing may fail."""
        since = time.monotonic()
        time.sleep(WATCHED_SECONDS)
        until = time.monotonic() - 0.5  # what started later may not be answered yet
        counts = ", ".join(f"{name} {count}" for name, count in sorted(traffic.counts(since, until).items()))
        failed = len(traffic.failures(since, until))
        self.say(f"{text} {WATCHED_SECONDS:g} s of requests: {counts}; failed: {failed}.")
        self._check(failed == 0, "no request fails")

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
            self.say(f"WRONG: it is not so that {promise}.")


def main() -> int:
    """Play the demonstration here, or in a virtual machine where this kernel has no IPVS; return the exit status."""
    if not has_ipvs():
        if reason := missing_for_machine():
            sys.stderr.write(f"{reason}\n")
            return 1
        sys.stdout.write("This kernel has no IPVS, or this is not root: booting a virtual machine that has ...\n")
        sys.stdout.flush()
        return run_in_machine([sys.executable, "-m", "harness.lab.demo"])
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder) / "lab") as lab:
        wrong = Demo(lab).run()
    print("\nAll went as promised." if wrong == 0 else f"\n{wrong} promises were broken.")
    return 0 if wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

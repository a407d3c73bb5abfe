"""Others change the kernel's table with ipvsadm while the daemon runs: it repairs what is ours, and says so once."""

from __future__ import annotations

import pytest

from harness.lab.lab import SPARE_VIPS, VIP, Lab
from harness.lab.namespace import eventually

WITHIN = 60.0
WEB, FOREIGN = f"TCP {VIP}:80", f"TCP {SPARE_VIPS[9]}:80"
STRANGER = "10.9.1.99:80"


class TouchedSite:
    """Two servers in the table, beside a service of others; and what the daemon said of changes by others."""

    def __init__(self, lab: Lab) -> None:
        self.director = lab.director
        self.web1, self.web2 = lab.real("web1"), lab.real("web2")
        self.first, self.second = f"{self.web1.address}:80", f"{self.web2.address}:80"
        self.ipvsadm(f"-A -t {SPARE_VIPS[9]}:80 -s rr")
        self.ipvsadm(f"-a -t {SPARE_VIPS[9]}:80 -r 192.0.2.1:80 -m -w 3")
        self.director.configure(
            f"checkinterval = 1\nchecktimeout = 3\nreconcile = 1\nvirtual = {VIP}:80\n"
            f"    checktype = connect\n    real = {self.first} masq 2\n    real = {self.second} masq 1\n"
        )
        self.director.start()
        self.director.wait(WEB, {self.first: 2, self.second: 1}, WITHIN)
        self._ours = self.ours()

    def ipvsadm(self, words: str) -> None:
        self.director.run("ipvsadm", *words.split())

    def ours(self) -> list[str]:
        """Return our rows as ipvsadm saves them."""
        return [line for line in self.director.saved() if f" {VIP}:80" in line]

    def said(self) -> list[str]:
        """Return what the log says of changes by others."""
        return [line.partition("Somebody ")[2] for line in self.director.log().splitlines() if "Somebody " in line]

    def repair(self, words: str, said: str) -> None:
        """Change the table, and wait until our rows are as before, and one line has said what was done."""
        before = len(self.said())
        self.ipvsadm(words)
        eventually(lambda: len(self.said()) == before + 1, WITHIN, self.director.log)
        eventually(lambda: self.ours() == self._ours, WITHIN, self.director.listing)
        assert self.said()[-1] == said


@pytest.mark.takes(20)
def test_F17_changes_of_others_are_repaired_with_one_line_each_and_their_own_services_stay(lab: Lab) -> None:
    site = TouchedSite(lab)
    gone = f"removed virtual server: {VIP}:80, adding it again"
    site.repair(f"-d -t {VIP}:80 -r {site.first}", f"removed real server: {site.first} ({VIP}:80), adding it again")
    site.repair(f"-a -t {VIP}:80 -r {STRANGER} -m", f"added real server: {STRANGER} ({VIP}:80), removing it")
    site.repair(f"-E -t {VIP}:80 -s rr", f"changed virtual server: {VIP}:80, setting it back")
    site.repair(f"-D -t {VIP}:80", gone)
    assert site.director.weights()[FOREIGN] == {"192.0.2.1:80": 3}
    site.repair("-C", gone)
    assert FOREIGN not in site.director.weights()


@pytest.mark.takes(20)
def test_F17_a_weight_set_by_hand_stays_until_its_server_changes(lab: Lab) -> None:
    site = TouchedSite(lab)
    director = site.director
    site.ipvsadm(f"-e -t {VIP}:80 -r {site.first} -m -w 7")
    eventually(lambda: len(site.said()) == 1, WITHIN, director.log)
    site.web2.stop()
    director.wait(WEB, {site.first: 7}, WITHIN)
    site.web2.start()
    director.wait(WEB, {site.first: 7, site.second: 1}, WITHIN)
    site.web1.stop()
    director.wait(WEB, {site.second: 1}, WITHIN)
    site.web1.start()
    director.wait(WEB, {site.first: 2, site.second: 1}, WITHIN)
    assert site.said() == [f"set the weight of real server: {site.first} ({VIP}:80) to 7, leaving it so"]

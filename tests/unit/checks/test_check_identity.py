"""A Check is what it says: equal ones are one, here and in another process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_address

from ldirectord_py.checks.base import Check, Target

CHECK = Check("http", Target(ip_address("10.1.0.1"), 80, 5.0, request="/health"), 10.0)
LOOK_UP = """
import pickle, sys
from ipaddress import ip_address
from ldirectord_py.checks.base import Check, Target
check = Check("http", Target(ip_address("10.1.0.1"), 80, 5.0, request="/health"), 10.0)
print(pickle.loads(bytes.fromhex(sys.argv[1])) in {check})
"""


def test_equal_checks_are_one() -> None:
    assert {CHECK: 1, replace(CHECK): 2} == {CHECK: 2}
    assert len({CHECK, replace(CHECK, interval=5.0)}) == 2


def test_a_check_is_found_in_another_process() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOOK_UP, pickle.dumps(CHECK).hex()], check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "True"

"""A file in the maintenance directory takes a server out of the kernel's table within a second, and back."""

from __future__ import annotations

from pathlib import Path

from harness.lab.lab import VIP, VIP6, Lab

WITHIN = 1.0
WEB, WEB6 = f"TCP {VIP}:80", f"TCP [{VIP6}]:80"


def test_a_file_takes_effect_within_a_second(lab: Lab, tmp_path: Path) -> None:
    (directory := tmp_path / "maintenance").mkdir()
    webs = lab.real("web1"), lab.real("web2")
    four, six = ([str(web.addresses[family]) for web in webs] for family in (0, 1))
    lab.director.configure(
        f"maintenancedir = {directory}\ncheckinterval = 60\nquiescent = yes\n"
        f"virtual = {VIP}:80\n    checktype = connect\n"
        + "".join(f"    real = {address}:80 masq\n" for address in four)
        + f"virtual6 = [{VIP6}]:80\n    checktype = connect\n"
        + "".join(f"    real6 = [{address}]:80 masq\n" for address in six)
    )
    lab.director.start()
    all_in = {WEB: {f"{address}:80": 1 for address in four}, WEB6: {f"[{address}]:80": 1 for address in six}}
    for service, weights in all_in.items():
        lab.director.wait(service, weights, within=10)
    for service, file in ((WEB, f"{four[0]}:80"), (WEB6, six[0])):
        first = next(iter(all_in[service]))
        (directory / file).touch()
        out = lab.director.wait_in_time(service, {**all_in[service], first: 0}, WITHIN)
        (directory / file).unlink()
        back = lab.director.wait_in_time(service, all_in[service], WITHIN)
        print(f"{file}: out after {out:.2f} s, back after {back:.2f} s")
    lab.director.wait_log("is down: Server in maintenance", within=10)

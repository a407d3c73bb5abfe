"""The control file and the changelog of a package."""

from __future__ import annotations

from email.parser import HeaderParser

from packages.control import Build, changelog, control
from packages.release import RELEASES

BUILD = Build(RELEASES["12"], "amd64", "0.1.0-1~deb12", "6a7005f", 1795892215, "Some One <one@example.org>")


def test_the_control_file_names_version_size_and_dependencies() -> None:
    fields = HeaderParser().parsestr(control(BUILD, [1, 1024, 1025, 0]))
    assert (fields["Version"], fields["Architecture"], fields["Installed-Size"]) == ("0.1.0-1~deb12", "amd64", "4")
    assert fields["Pre-Depends"] == "python3.11"  # preinst checks the configuration with it
    assert fields["Depends"] == "libc6 (>= 2.36), libgcc-s1, python3.11"
    assert fields["Maintainer"] == "Some One <one@example.org>"
    assert "Conflicts" not in fields


def test_lines_of_the_description_are_short() -> None:
    text = control(BUILD, []).partition("Description: ")[2]
    assert max(map(len, text.splitlines())) <= 80


def test_the_changelog_has_one_entry_of_the_time_of_the_commit() -> None:
    first, *_, last = changelog(BUILD).strip().splitlines()
    assert first == "ldirectord-py (0.1.0-1~deb12) bookworm; urgency=medium"
    assert last == " -- Some One <one@example.org>  Sat, 28 Nov 2026 18:56:55 +0000"


def test_a_package_is_named_as_dpkg_names_it() -> None:
    assert BUILD.file_name == "ldirectord-py_0.1.0-1~deb12_amd64.deb"

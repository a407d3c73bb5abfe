"""Commands of the site, with what the units leave them, and with the drop-in for scripts."""

from __future__ import annotations

from systemd.site import WEB, WEB1, Site, configuration, virtual

TRY_ALL = "/opt/project/tests/systemd/inside/try-all.sh"
CONFINED = ["write-to-srv", "read-root", "see-processes"]
NEEDS_DROP_IN = ["write-to-etc", "write-to-root", "see-tmp", "signal-others", "set-a-sysctl", "load-a-module", "sudo"]
ALIKE = ("check", "notify", "fallback")


def tried(site: Site, name: str) -> list[str]:
    """Return what a command could do at its last run, [] if it has not run."""
    return site.guest.run("sh", "-c", 'cat "$1" 2>/dev/null || true', "sh", f"/run/site.{name}").splitlines()


def assert_commands_can(site: Site, expected: list[str]) -> None:
    """Start a director with a check, a notification and a fallback that are commands; see what they can do."""
    site.guest.run("sh", "-c", "rm -f /run/site.* /root/site.* /etc/site.* /srv/site.*; touch /tmp/site.mark")
    for name in ALIKE:
        site.guest.run("install", "-D", TRY_ALL, f"/usr/local/lib/site/{name}")
    command = "/usr/local/lib/site"
    check = f"    checktype = external\n    checkcommand = {command}/check\n"
    told = f'notify = "{command}/notify"\nfallbackcommand = "{command}/fallback"\n'
    site.configure(configuration(virtual(WEB1, more=check), more=told))
    site.start()
    site.wait(WEB, {WEB1: 1})
    site.until(lambda: all(tried(site, name) for name in ALIKE))
    assert {name: tried(site, name) for name in ALIKE} == dict.fromkeys(ALIKE, expected)


def test_commands_are_as_confined_as_the_daemon(site: Site) -> None:
    assert_commands_can(site, CONFINED)


def test_commands_are_free_with_the_drop_in_for_scripts(site: Site) -> None:
    site.shipped_drop_in("scripts.conf")
    assert_commands_can(site, [*CONFINED, *NEEDS_DROP_IN])

"""A configuration with an error, at a reload and at a start: systemctl fails, and says why."""

from __future__ import annotations

from systemd.site import CONFIG, UNIT, WEB, WEB1, WEB2, Site, configuration, virtual

BAD = configuration(virtual(WEB2, more="    sheduler = rr\n"))
ERROR = f'{CONFIG}:{len(BAD.splitlines())}:5: there is no directive "sheduler"; did you mean "scheduler"?'


def test_F25_a_reload_of_a_bad_file_fails_with_its_error_and_changes_nothing(site: Site) -> None:
    site.direct(WEB1, WEB2)
    pid = site.pid()
    with site.watch() as watch:
        site.configure(BAD)
        assert site.systemctl("reload").status != 0
        assert [site.value(name) for name in ("ActiveState", "SubState")] == ["active", "running"]
        site.until(lambda: ERROR in site.systemctl("status").output)
        assert ERROR in site.journal("--unit", UNIT)
        site.configure(configuration(virtual(WEB1, WEB2)))
        assert site.systemctl("reload") == (0, "")
    assert [watch.weights(WEB, web) for web in (WEB1, WEB2)] == [[1], [1]]
    assert site.pid() == pid


def test_a_start_fails_with_the_error_and_is_not_tried_again(site: Site) -> None:
    site.configure(BAD)
    assert site.systemctl("start").status != 0
    site.until(lambda: ERROR in site.systemctl("status").output)
    assert ERROR in site.journal("--unit", UNIT)
    assert [site.value(name) for name in ("ActiveState", "Result", "NRestarts")] == ["failed", "exit-code", "0"]
    assert site.weights() == {}
    site.direct(WEB1)

"""What is watched of a configuration's files is bounded, as what is read of them is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldirectord_py.config.include import MAX_FILES, Contents
from ldirectord_py.daemon.configuration import file_watch
from ldirectord_py.daemon.configuration.file_watch import changed, digest, look, stamp

Site = tuple[Path, Contents]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a configuration of one file that includes a folder, and what was read of it."""
    main = tmp_path / "main.cf"
    main.write_text("include=conf.d/*.cf\n")
    (tmp_path / "conf.d").mkdir()
    return main, look(main, Contents({str(main): b""}, {(str(tmp_path), "conf.d/*.cf"): ()}))


def put(site: Site, *names: str) -> list[str]:
    """Write the files of the folder and return their paths."""
    paths = [site[0].parent / "conf.d" / name for name in names]
    for path in paths:
        path.write_text("#" * 10)
    return [str(path) for path in paths]


def test_files_that_come_change_and_go_are_told_by_name(site: Site) -> None:
    main, before = site
    (name,) = put(site, "a.cf")
    came = look(main, before)
    assert (changed(before, came), came.texts[name]) == (name, b"#" * 10)
    Path(name).unlink()
    gone = look(main, came)
    assert (changed(came, gone), gone.texts[name]) == (name, None)
    assert len({digest(each) for each in (before, came, gone)}) == 3


def test_what_can_be_told_without_reading_is(site: Site) -> None:
    main, contents = site
    assert stamp(main, contents) == stamp(main, contents)
    before = stamp(main, contents)
    put(site, "a.cf")
    assert stamp(main, contents) != before


@pytest.mark.slow
def test_no_more_files_are_looked_at_than_may_be_included(site: Site) -> None:
    main, contents = site
    put(site, *(f"{number}.cf" for number in range(MAX_FILES + 50)))
    assert len(look(main, contents).texts) == 1 + MAX_FILES


def test_no_more_is_kept_than_may_be_included(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    main, contents = site
    names = put(site, "a.cf", "b.cf", "c.cf", "d.cf")
    monkeypatch.setattr(file_watch, "MAX_TOTAL_LENGTH", 19)
    texts = look(main, contents).texts
    assert [texts[name] for name in names] == [b"#" * 10, b"#" * 10, None, None]

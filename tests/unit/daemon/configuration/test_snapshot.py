"""Changes of a configuration's files are found by name, and at most as much is read as a configuration may include."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldirectord_py.config.include import MAX_FILES, Contents
from ldirectord_py.daemon.configuration import snapshot
from ldirectord_py.daemon.configuration.snapshot import changed_file, fingerprint, is_readable, read_again, unreadable

Site = tuple[Path, Contents]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a configuration of one file that includes a folder, and what was read of it."""
    main = tmp_path / "main.cf"
    main.write_text("include=conf.d/*.cf\n")
    (tmp_path / "conf.d").mkdir()
    return main, read_again(main, Contents({str(main): b""}, {(str(tmp_path), "conf.d/*.cf"): ()}))


def put(site: Site, *names: str) -> list[str]:
    """Write the files of the folder and return their paths."""
    paths = [site[0].parent / "conf.d" / name for name in names]
    for path in paths:
        path.write_text("#" * 10)
    return [str(path) for path in paths]


def test_files_that_appear_and_disappear_are_found_by_name(site: Site) -> None:
    main, before = site
    (name,) = put(site, "a.cf")
    appeared = read_again(main, before)
    assert (changed_file(before, appeared), appeared.texts[name]) == (name, b"#" * 10)
    Path(name).unlink()
    gone = read_again(main, appeared)
    assert (changed_file(appeared, gone), gone.texts[name]) == (name, None)
    assert changed_file(before, gone) == str(main)  # the set of files is another
    assert changed_file(gone, gone) is None


def test_a_main_file_that_cannot_be_read_has_changed(site: Site) -> None:
    main, contents = site
    lost = unreadable(contents)
    assert (is_readable(contents), is_readable(lost)) == (True, False)
    assert changed_file(contents, lost) == changed_file(lost, contents) == str(main)
    assert lost.matches == contents.matches


def test_the_main_file_may_have_another_name(site: Site) -> None:
    _, contents = site
    renamed = Contents({"main.cf": next(iter(contents.texts.values()))}, contents.matches)
    assert changed_file(renamed, contents) is None


def test_a_fingerprint_changes_when_a_file_appears(site: Site) -> None:
    main, contents = site
    assert fingerprint(main, contents) == fingerprint(main, contents)
    before = fingerprint(main, contents)
    put(site, "a.cf")
    assert fingerprint(main, contents) != before


@pytest.mark.slow
def test_at_most_as_many_files_are_read_as_may_be_included(site: Site) -> None:
    main, contents = site
    put(site, *(f"{number}.cf" for number in range(MAX_FILES + 50)))
    assert len(read_again(main, contents).texts) == 1 + MAX_FILES


def test_at_most_as_much_is_kept_as_may_be_included(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    main, contents = site
    names = put(site, "a.cf", "b.cf", "c.cf", "d.cf")
    monkeypatch.setattr(snapshot, "MAX_TOTAL_LENGTH", 19)
    texts = read_again(main, contents).texts
    assert [texts[name] for name in names] == [b"#" * 10, b"#" * 10, None, None]

"""A package is of the work tree as it is: its digest and its commit say whether that has changes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from packages import sources
from packages.sources import read_sources

SETTINGS = ("-c", "user.name=Some One", "-c", "user.email=one@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work tree of one tagged commit."""
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text("page\n")
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=first")
    git(tmp_path, "tag", "v0.1.0")
    return tmp_path


def git(tree: Path, *words: str) -> None:
    subprocess.run(["git", *SETTINGS, *words], check=True, cwd=tree)


def test_a_commit(tree: Path) -> None:
    found = read_sources()
    assert found.files == ("docs/page.md",)
    assert found.author == "Some One <one@example.org>"
    assert (len(found.commit), found.tags) == (7, ("v0.1.0",))
    assert found.digest() == read_sources().digest()


@pytest.mark.parametrize(("name", "files"), [("docs/page.md", 1), ("docs/new.md", 2)])
def test_changes_that_are_not_committed(tree: Path, name: str, files: int) -> None:
    before = read_sources()
    (tree / name).write_text("changed\n")
    after = read_sources()
    assert len(after.files) == files
    assert (after.commit, after.tags, after.epoch) == (f"{before.commit}.changed", (), before.epoch)
    assert after.digest() != before.digest()


@pytest.mark.parametrize("name", ["docs/page.pyc", "other.md"])
def test_other_files_change_nothing(tree: Path, name: str) -> None:
    before = read_sources()
    (tree / name).write_text("changed\n")
    assert read_sources() == before


def test_a_file_that_was_removed(tree: Path) -> None:
    (tree / "docs/page.md").unlink()
    assert read_sources().files == ()
